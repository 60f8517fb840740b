"""Names that made-up persons bear: each in its own script and in the spellings that officers write by ear.

The parts are common in Cambodia, Thailand and Viet Nam; their combinations are drawn, nobody's name is meant.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spelt:
    """A name, or a part of one, in its own script and as it is romanised."""

    script: str
    latin: tuple[str, ...]


def _read(text: str) -> tuple[Spelt, ...]:
    entries = (entry.split("=") for entry in text.split(";"))
    return tuple(Spelt(script.strip(), tuple(latin.split())) for script, latin in entries)


KHMER_FAMILY = _read(
    "សុខ=Sok Sokh Sock;ចាន់=Chan Chann;គឹម=Kim Kem;ហេង=Heng;លី=Ly Lee;ជា=Chea Chear;អ៊ុក=Ouk Uk Ok;ម៉ៅ=Mao Mau;"
    "កែវ=Keo Kev Kaev;ប៉ែន=Pen Paen;ទេព=Tep Tepp;នួន=Nuon Noun;ញ៉ែម=Nhem Nhaem;ឡុង=Long Lung;ហ៊ុន=Hun Hoon;"
    "យិន=Yin Yen;ព្រំ=Prum Prom;ឃុន=Khun Khon;ភួង=Phuong Poung;ឈឹម=Chhim Chhoem;មាស=Meas;ស៊ឹម=Sim Sem;តាន់=Tan Tann;"
    "ថន=Thorn Thon;អ៊ឹម=Im Em;ប៊ុន=Bun Bunn;ជ័យ=Chey Chay;រស់=Ros Rous;សេង=Seng;នុត=Nuth Nut;វ៉ាន់=Vann;ឌី=Dy Di;"
    "កង=Kong Korng;ខៀវ=Khiev Kheav;ឯក=Ek Aek;ពៅ=Pov Peou;សាន=San Sann;ផាន់=Phan Phann;ម៉ម=Mom Morm;ឡាយ=Lay Lai;"
    "ឃឹម=Khim Khem;គង់=Kong Kung;ឡេង=Leng;ម៉េង=Meng;អ៊ួន=Uon Oun;ឈន=Chhon Chhorn;ទូច=Touch Tuch;សយ=Soy;ប្រាក់=Prak Brak;"
    "ស្វាយ=Svay;ទុំ=Tum Tom;ហ៊ឹម=Him Hem;យស=Yos Yous;វង្ស=Vong;ឆាយ=Chhay Chay;ណុប=Nop Nob;មួន=Muon;ពិន=Pin Pen;"
    "ឈួន=Chhuon Choun;ឡើក=Loek;ភន=Phon Phorn;កុយ=Koy Kuy;សាំង=Sang;ទុយ=Tuy;ធុច=Thuch;ប៉ោ=Pao;ហាក់=Hak;ណេត=Net Neth;"
    "លឹម=Lim Lem;ជុំ=Chum Chom;អាន=An Ann;ឌុច=Duch Duoch;ហូរ=Hor;សំ=Sam Som;នេត=Neth;ភិន=Phin;គាត=Keat;ស៊ុន=Sun Sunn"
)
KHMER_FIRST = _read(
    "សុ=So Su;ចាន់=Chan Chann;ស្រី=Srey Srei Srei;វិ=Vi Vy;ដា=Da;រត=Rat Roth;សំ=Sam Som;បូ=Bo Bau;ធា=Thea Thia;"
    "គន្ធ=Kun Kuntha;មុន្នី=Mony Muny;ភិ=Phi Phy;សារ=Sar Sa;ណា=Na;កុសល=Kosal Kossal;ពិសី=Pisey Pisei;រ៉ា=Ra;"
    "លក្ខ=Leak Leakh;សម=Sam Som;ធី=Thy Thi;វណ្ណ=Vann Van;សុគន្ធ=Sokun Sokunth;និ=Ni Ny;ប៊ុន=Bun Bunn;ពុទ្ធ=Puth Put;"
    "ធារិ=Theary Theari;ចរិ=Chary;មករា=Makara;នារី=Neary Nary;កញ្ញា=Kanha Kagna;ស្រស់=Sros Sras;ពន្លឺ=Ponleu Punleu;"
    "ឧត្តម=Oudom Udom;រំដួល=Romduol Rumdul;សិរី=Serey Sereiy;បុប្ផា=Bopha Bupha;ភារម្យ=Pheakrom;ចំរើន=Chamroeun Chamreun"
)
KHMER_LAST = _read(
    "ភា=phea phia;ខា=kha ka;ភ័ក្រ=pheak pheakr;ធី=thy thi;នាង=neang niang;ម៉ាលី=maly mali;រិទ្ធ=rith rit;ដា=da;"
    "វឌ្ឍន៍=vath vathan;រ៉ា=ra;លីន=lin lyn;ណា=na;មុំ=mom mum;ពៅ=pov peou;ចិត្រ=chet chit;ថន=thon thorn;ពេជ្រ=pich pech;"
    "ធារ៉ា=theara thira;សុខ=sok;វី=vy vi;ឡា=la;រ៉ុង=rong;នី=ny ni;សាន=san;ហេង=heng;លាភ=leap leab;រតន៍=rath roth;"
    "កល្យាណ=kalyan kalyann;មាន=mean;ប៊ី=by bi;ស៊ី=sy si;វុធ=vuth vut;យ៉ា=ya;នាថ=neath neat;ពុធ=puth;ទី=ty ti;គង់=kong;"
    "ដេត=det deth;រិន=rin ren;មករា=makara;ស្នា=sna;សេដ្ឋ=seth set;ប៊ុន=bun;ភក្តី=pheakdey phakdey;តារា=tara;ម៉ៅ=mao;"
    "សិទ្ធ=seth sith;បុត្រ=bot both;ស្រស់=sros;វត្តី=vatey vattey;ជាតិ=cheat;សួស=suos;គ្រី=kry kri;លាង=leang;ផល=phal phol"
)
THAI_FAMILY = _read(
    "ใจดี=Jaidee Chaidi;ทองคำ=Thongkham Tongkam;ศรีสุข=Srisuk Sisuk;แก้ว=Kaew Kaeo;บุญมา=Boonma Bunma;วงศ์=Wong Vong;"
    "สุขใจ=Sukjai Sukchai;แสง=Saeng Sang;ดวงดี=Duangdee Duangdi;พงษ์=Pong Phong"
)
THAI_ENDING = _read(
    "รัตน์=rat;ชัย=chai;กุล=kun kul;สิน=sin;ศรี=sri;พันธ์=phan pan;มณี=manee mani;เจริญ=charoen;ผล=phon pol;นนท์=non;เกตุ=ket"
)
THAI_GIVEN = _read(
    "สมชาย=Somchai Somchay;สมหญิง=Somying;นภา=Napa Napha;วิไล=Wilai Vilai;กิตติ=Kitti Kitty;อนันต์=Anan Anand;มาลี=Malee Mali;"
    "ประเสริฐ=Prasert Prasoet;สุดา=Suda;พรทิพย์=Porntip Phonthip;วันชัย=Wanchai Vanchai;รัตนา=Rattana Ratana;นิด=Nid Nit;"
    "ศักดิ์=Sak;เดชา=Decha Dacha;ปรีชา=Preecha Pricha;อรุณ=Arun Aroon"
)
VIET_FAMILY = _read(
    "Nguyễn=Nguyen;Trần=Tran;Lê=Le;Phạm=Pham;Huỳnh=Huynh;Võ=Vo;Đặng=Dang;Bùi=Bui;Đỗ=Do;Hồ=Ho;Ngô=Ngo;Dương=Duong;Lý=Ly"
)
VIET_MIDDLE = _read(
    "Thị=Thi;Văn=Van;Thùy=Thuy;Minh=Minh;Quỳnh=Quynh;Ngọc=Ngoc;Hữu=Huu;Kim=Kim;Thanh=Thanh;Đình=Dinh;"
    "Xuân=Xuan;Bảo=Bao;Hoài=Hoai;Gia=Gia;Mỹ=My;Anh=Anh;Tuyết=Tuyet;Công=Cong;Quốc=Quoc"
)
VIET_LAST = _read(
    "Hồng=Hong;Đức=Duc;Trâm=Tram;Lan=Lan;Hương=Huong;Mai=Mai;Tuấn=Tuan;Hùng=Hung;Linh=Linh;Phương=Phuong;Thảo=Thao;"
    "Dũng=Dung;Nga=Nga;Yến=Yen;Hạnh=Hanh;Sơn=Son;Tâm=Tam;Vy=Vy;Khánh=Khanh;Loan=Loan;Hiếu=Hieu;Nhung=Nhung;Tài=Tai;"
    "An=An;Bích=Bich;Châu=Chau;Cúc=Cuc;Đạt=Dat;Diễm=Diem;Giang=Giang;Hà=Ha;Huệ=Hue;Khoa=Khoa;Kiều=Kieu;Lợi=Loi;Long=Long;"
    "Nam=Nam;Nhi=Nhi;Oanh=Oanh;Phúc=Phuc;Quyên=Quyen;Sen=Sen;Thắm=Tham;Thu=Thu;Tiên=Tien;Trang=Trang;Trinh=Trinh;Uyên=Uyen"
)


@dataclass(frozen=True, slots=True)
class TrueName:
    """What somebody is called: a family name, and a given name of one or more parts."""

    family: Spelt
    given: tuple[Spelt, ...]
    joined: bool
    """Whether the parts of the given name make one word."""


def draw(rng: random.Random, nationality: str) -> TrueName:
    """A name as they are borne in a country; the first ones of a list are the most common."""
    if nationality == "VN":
        return TrueName(_common(rng, VIET_FAMILY), (_common(rng, VIET_MIDDLE), rng.choice(VIET_LAST)), joined=False)
    if nationality == "TH":
        first, last = rng.choice(THAI_FAMILY), rng.choice(THAI_ENDING)  # Thai law makes each family's name its own
        family = Spelt(first.script + last.script, tuple(a + b for a in first.latin for b in last.latin))
        return TrueName(family, (rng.choice(THAI_GIVEN),), joined=False)
    given = rng.choice(KHMER_FIRST), rng.choice(KHMER_LAST)
    return TrueName(_common(rng, KHMER_FAMILY), given[: 1 if rng.random() < 0.12 else 2], joined=True)  # noqa: PLR2004 - a share


def _common(rng: random.Random, names: tuple[Spelt, ...]) -> Spelt:
    return names[min(int(rng.expovariate(1) / 4 * len(names)), len(names) - 1)]
