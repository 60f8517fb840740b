"""The systems: their headings, how their clerks write, and what is wrong with their files."""

from examples.generate.entries import Entry, Fault, System
from examples.generate.typing_habits import BUDDHIST

EXPLOITATION = {
    "sex": ("Sexual exploitation", "Prostitution", "កេងប្រវ័ញ្ចផ្លូវភេទ"),
    "labour": ("Forced labour", "Labour", "ពលកម្មបង្ខំ"),
    "fishing": ("Fishing", "Forced labor"),
    "begging": ("Begging", "សុំទាន"),
    "domestic": ("Domestic work", "Domestic worker"),
    "marriage": ("Bride", "Forced marriage"),
}
HTCDS = {
    "sex": "SexualExploitation",
    "labour": "ForcedLabour",
    "fishing": "ForcedLabour",
    "begging": "ForcedBegging",
    "domestic": "Servitude",
    "marriage": "ForcedMarriage",
}
HTCDS_INDUSTRY = {"fishing": "A_AgricultureForestryAndFishing", "domestic": "T_ActivitiesOfHouseholdsAsEmployers"}
NGOS = ("NGO-03", "NGO-07", "NGO-11", "NGO-12", "NGO-19", "NGO-26", "NGO-31", "NGO-38")
COURTS = ("Phnom Penh", "Banteay Meanchey", "Battambang", "Siem Reap")
ABROAD = ("Bangkok", "Samut Sakhon", "Ranong", "Chonburi", "Sa Kaeo")
FIRST_YEAR = 2007
KHMER_PROVINCES = {"Phnom Penh": "ភ្នំពេញ", "Banteay Meanchey": "បន្ទាយមានជ័យ", "Battambang": "បាត់ដំបង"}


def _sex(entry: Entry) -> str:
    return entry.one("F", "Female", "ស្រី") if entry.person.female else entry.one("M", "Male", "ប្រុស")


def _plain_sex(entry: Entry) -> str:
    return "F" if entry.person.female else "M"


def _province(entry: Entry) -> str:
    return entry.person.province


def _exploitation(entry: Entry) -> str:
    return entry.one(*EXPLOITATION[entry.person.kind])


def _latin_exploitation(entry: Entry) -> str:
    return EXPLOITATION[entry.person.kind][0]


def _yes(entry: Entry) -> str:
    return entry.one("Yes", "No", "1", "0", "")


def _buddhist_year(entry: Entry) -> int:
    entry.notes.add("buddhist-era")
    return FIRST_YEAR + entry.number // 4 % 3 + BUDDHIST


def _date_faults(column: str, review: int = 3) -> tuple[Fault, ...]:
    return (
        Fault(column, "", "refused", "missing-critical-fact", 4),
        Fault(column, "after the rains", "needs_review", "unreadable-date", review),
        Fault(column, "2554", "needs_review", "date-too-coarse", 2),
        Fault(column, "2099-05-01", "needs_review", "in-the-future", 1),
    )


MOSVY = System(
    "mosvy",
    "mosvy.xlsx",
    {
        "Reg. No.": lambda e: f"{e.number}/{e.day.year}",
        "Name": Entry.name,
        "Sex": _sex,
        "Date of birth": Entry.born,
        "Age": Entry.age,
        "Nationality": lambda e: e.one("Cambodian", "Khmer", "ខ្មែរ"),
        "Date registered": Entry.met,
        "Province": _province,
        "Category": lambda e: e.one("Trafficking", ""),
        "Exploitation": _exploitation,
        "Status": lambda e: e.one("Victim", "Suspected", "ជនរងគ្រោះ"),
        "Referred to": lambda e: e.one("", "", "House 2"),
    },
    (
        *_date_faults("Date registered"),
        Fault("Category", "Domestic violence", "refused", "not-our-definition", 9),
        Fault("Category", "និរទេសជន", "needs_review", "deported-not-screened", 7),
        Fault("Nationality", "", "recorded", "missing", 5),
        Fault("Sex", "boyish", "recorded", "unknown-code", 3),
        Fault("Age", "adult", "recorded", "unreadable-age", 3),
    ),
    ("Reg. No.",),
    ("dmy", "khmer", "khmer_be", "be", "khmer_word"),
    "Date registered",
    "Name",
    "Province",
    birth_styles=("dmy", "khmer_be", "be"),
    title="Register of victims, Ministry of Social Affairs",
    ends=("Total: {n}", "Note: figures of the second half are provisional", "ចំណាំ៖ មិនទាន់ផ្ទៀងផ្ទាត់"),
)

ECPAT = System(
    "ecpat",
    "ecpat.csv",
    {
        "NGO": lambda e: NGOS[e.number % len(NGOS)],
        "Case No": lambda e: f"C{e.number:04}",
        "Name of victim": lambda e: f"{e.person.given} {e.person.family}",
        "Sex": _plain_sex,
        "Age": lambda e: e.one("{}", "{} years", "about {}").format(e.age()),
        "Nationality": lambda _: "Cambodian",
        "Date received": Entry.met,
        "Province": _province,
        "Type of case": lambda e: e.one("Trafficking", "Sex trafficking"),
        "Purpose": _latin_exploitation,
        "Recruited by": lambda e: e.one("Broker", "Friend", "Family", ""),
        "Deceived": _yes,
        "Documents taken": _yes,
        "Confined": _yes,
        "Violence": _yes,
        "Assessment": lambda e: e.one("Trafficked", "Unclear", "Not trafficked"),
        "Reported to police": lambda e: e.one("Yes", "No"),
        "Referred to": lambda e: e.one("", "shelter"),
    },
    (
        *_date_faults("Date received"),
        Fault("Type of case", "Rape", "refused", "not-our-definition", 14),
        Fault("Type of case", "At risk", "needs_review", "at-risk-only", 8),
        Fault("Province", "somewhere", "needs_review", "unknown-code", 3),
        Fault("Province", "", "refused", "missing-critical-fact", 2),
    ),
    ("NGO", "Case No"),
    ("iso", "iso", "word", "word", "dmy", "mdy"),
    "Date received",
    "Name of victim",
    "NGO",
    title="Joint statistics of 39 NGOs",
    ends=("Total;{n}", "Source: members"),
    encoding="utf-8-sig",
    delimiter=";",
)

LEASETC = System(
    "moi-leasetc",
    "moi-leasetc.csv",
    {
        "Case No.": lambda e: f"P{e.number // 3:04}",
        "Person No.": lambda e: e.number,
        "Role": lambda e: e.one("Victim", "ជនរងគ្រោះ"),
        "Name": Entry.name,
        "Sex": _sex,
        "DOB": Entry.born,
        "Age": Entry.age,
        "Nationality": lambda e: e.one("Cambodian", "ខ្មែរ"),
        "Date of report": Entry.met,
        "Province": lambda e: KHMER_PROVINCES.get(e.person.province, e.person.province),
        "Offence": lambda _: "Human trafficking",
        "Exploitation": _exploitation,
        "Charge": lambda e: e.one("art. 12", "art. 15"),
        "Court": lambda e: e.one("", "Phnom Penh"),
    },
    (
        *_date_faults("Date of report"),
        Fault("Role", "Suspect", "refused", "not-a-victim", 31),
        Fault("Role", "សាក្សី", "refused", "not-a-victim", 6),
        Fault("Offence", "រំលោភ", "refused", "not-our-definition", 5),
        Fault("Nationality", "", "refused", "missing-critical-fact", 4),
    ),
    ("Case No.", "Person No."),
    ("dmy", "khmer", "be", "iso"),
    "Date of report",
    "Name",
    "Case No.",
    title="LEASETC, faxed from provinces",
    ends=("Total {n}", "Faxed on the last day of the month"),
    encoding="utf-16",
    delimiter="\t",
)

MOJ = System(
    "moj",
    "moj.csv",
    {
        "Court": lambda e: COURTS[e.number % len(COURTS)],
        "Docket": lambda e: f"{e.number}/{e.day.year}",
        "Victim no.": lambda _: "1",
        "Date filed": Entry.met,
        "Province": lambda e: COURTS[e.number % len(COURTS)],
        "Victim": Entry.name,
        "Victim sex": _plain_sex,
        "Victim age": Entry.age,
        "Exploitation": _latin_exploitation,
        "Accused": lambda e: f"acc-{e.number}",
        "Law": lambda _: "2008",
        "Article": lambda e: e.one("12", "15", "8"),
        "Verdict": lambda e: e.one("", "Convicted", "Acquitted"),
        "Sentence": lambda e: e.one("", "7 years"),
    },
    (
        Fault("Victim", "", "refused", "no-person", 40),
        Fault("Victim", "The State", "refused", "no-person", 6),
        Fault("Article", "239", "needs_review", "other-crime", 9),
        Fault("Victim sex", "", "recorded", "missing", 6),
    ),
    ("Court", "Docket", "Victim no."),
    ("dmy", "word", "be"),
    "Date filed",
    "Victim",
    "Court",
    title="Cases before the courts",
    ends=("Total {n}",),
    always=frozenset({"missing"}),
)

CARD = {
    "Date": Entry.met,
    "Place": _province,
    "Name": Entry.name,
    "Sex": _plain_sex,
    "Age": Entry.age,
    "Nationality": lambda e: e.one("Khmer", "Cambodian"),
    "Q1": _yes,
    "Q2": _yes,
    "Q3": _yes,
    "Q4": _yes,
    "Q5": _yes,
    "Q6": _yes,
    "Conclusion": lambda e: e.one("Presumed victim", "Not victim", "Unclear"),
}
CARD_FAULTS = (
    Fault("Conclusion", "Interpreter missing", "refused", "not-screened", 8),
    Fault("Conclusion", "", "refused", "missing-critical-fact", 4),
    Fault("Conclusion", "ask the chief", "needs_review", "unknown-code", 3),
    Fault("Q1", "perhaps", "recorded", "unknown-code", 4),
)
UNIAP_CARD = System(
    "uniap-card",
    "uniap-card.csv",
    {"Card No.": lambda e: f"K-{e.number}", **CARD},
    CARD_FAULTS,
    ("Card No.",),
    ("dmy", "khmer"),
    "Date",
    "Name",
    "Place",
    title="Identification cards",
    ends=("Officer in charge",),
)
UNIAP_CHECKLIST = System(
    "uniap-checklist",
    "uniap-checklist.csv",
    {"Checklist No.": lambda e: f"L-{e.number}", **CARD},
    CARD_FAULTS,
    ("Checklist No.",),
    ("word", "be"),
    "Date",
    "Name",
    "Place",
    title="Checklists",
    ends=("Total {n}",),
)
UNIAP_FORM = System(
    "uniap-screening-form",
    "uniap-screening-form.xlsx",
    {
        "Form No.": lambda e: f"S-{e.number}",
        "Consent to interview": lambda _: "Yes",
        "Consent to share": lambda e: e.one("Yes", "No"),
        "Date of interview": Entry.met,
        "Province": _province,
        "Name": Entry.name,
        "Sex": _sex,
        "Date of birth": Entry.born,
        "Age stated": Entry.age,
        "Nationality": lambda e: e.one("Khmer", "ខ្មែរ"),
        "Continuum": lambda e: e.one(*"ABCDEF"),
        "Exploitation": _exploitation,
        "Methods of control": lambda e: e.one("Debt; Locked in", "Beaten", "Documents taken"),
        "Hours a day": lambda e: e.one("12", "១៦", ""),
        "Debt in riel": lambda e: e.one("400,000", ""),
        "Deceived about job": _yes,
        "Excessive hours": _yes,
        "Confined": _yes,
        "Account": lambda _: "An invented account.",
        "Determination": lambda e: e.one("Presumed victim", "Not a victim", "Unclear"),
        "Reasons": lambda _: "As the person told.",
    },
    (
        *_date_faults("Date of interview"),
        Fault("Consent to interview", "No", "refused", "no-consent", 12),
        Fault("Continuum", "G", "recorded", "unknown-code", 4),
    ),
    ("Form No.",),
    ("dmy", "khmer_word", "iso"),
    "Date of interview",
    "Name",
    "Province",
    birth_styles=("iso", "khmer_be"),
    title="Screening forms",
    ends=("Total {n}", "Note: two forms are with the translator"),
)

HTCDS_FILE = System(
    "htcds",
    "htcds.csv",
    {
        "org_Name": lambda e: f"Partner {e.number % 4}",
        "nrm_source_id": lambda e: f"a0{e.number:05}",
        "prs_FirstName": lambda e: e.person.given,
        "prs_SecondName": lambda e: e.person.family,
        "prs_Birthdate": Entry.born,
        "prs_Gender": lambda e: "Feminine" if e.person.female else "Masculine",
        "nrm_sex": _plain_sex,
        "prs_Citizenship": lambda _: "KHM",
        "cas_IncomingReferralDate": Entry.met,
        "nrm_province": _province,
        "vic_TypeOfExploitation": lambda e: HTCDS[e.person.kind],
        "vic_ForcedLabourIndustry": lambda e: HTCDS_INDUSTRY.get(e.person.kind, ""),
        "vic_TraffickingStatus": lambda e: e.one("PossibleVictimOfTrafficking", "ActualVictimOfTrafficking"),
        "vic_MethodOfRecruitment": lambda e: e.one("AtWork", "ThroughFamilyOrFamilyEvents", "Other"),
        "vic_MethodsOfControl": lambda e: e.one("DebtBondage;WithholdsDocuments", "FalsePromises", ""),
        "cas_ReferredOrganisation": lambda e: e.one("", "Partner 9"),
    },
    (
        *_date_faults("cas_IncomingReferralDate"),
        Fault("vic_TraffickingStatus", "NotAVictimOfTrafficking", "refused", "not-a-victim", 11),
        Fault("prs_Citizenship", "", "refused", "missing-critical-fact", 3),
        Fault("prs_Citizenship", "stateless", "needs_review", "unknown-code", 2),
    ),
    ("org_Name", "nrm_source_id"),
    ("mdy", "iso"),
    "cas_IncomingReferralDate",
    "prs_FirstName",
    "org_Name",
    native="mdy",
    birth_styles=("iso", "mdy"),
    encoding="utf-8-sig",
    ends=(),
)
EMBASSY = System(
    "embassy-list",
    "embassy-list.csv",
    {
        "สถานทูต": lambda e: ("Bangkok", "Kuala Lumpur")[e.number % 2],
        "ลำดับ": lambda e: e.number,
        "ชื่อ": Entry.name,
        "เพศ": lambda e: "หญิง" if e.person.female else "ชาย",
        "วันเกิด": Entry.born,
        "อายุ": Entry.age,
        "สัญชาติ": lambda e: e.one("กัมพูชา", "Cambodian"),
        "วันที่พบ": Entry.met,
        "จังหวัด": lambda e: e.one(*ABROAD, "กรุงเทพ"),
        "เหตุ": lambda _: "ค้ามนุษย์",
        "ประเภท": _latin_exploitation,
        "ตรวจสัญชาติ": lambda e: e.one("", "done"),
        "วันส่งกลับ": lambda e: e.one("", "15/06/2554"),
    },
    (
        *_date_faults("วันที่พบ"),
        Fault("เหตุ", "Lost passport", "refused", "not-our-definition", 10),
        Fault("เหตุ", "Immigration detention", "needs_review", "deported-not-screened", 12),
    ),
    ("สถานทูต", "ลำดับ"),
    ("thai_be", "be"),
    "วันที่พบ",
    "ชื่อ",
    "สถานทูต",
    birth_styles=("thai_be", "be"),
    title="รายชื่อผู้รอส่งกลับ",
    ends=("รวม {n}", "หมายเหตุ: ..."),
    encoding="cp874",
)
MOLVT = System(
    "molvt",
    "molvt.xlsx",
    {
        "Licence No.": lambda e: f"L-{e.number // 12 + 1:03}",
        "Agency": lambda e: f"Invented Agency {e.number // 12 + 1}",
        "Country": lambda e: ("Thailand", "Malaysia", "South Korea", "ជប៉ុន")[e.number % 4],
        "Year": _buddhist_year,
        "Female": lambda e: str(e.chance.randrange(400)),
        "Male": lambda e: str(e.chance.randrange(900)),
    },
    (
        Fault("Female", "", "refused", "missing-critical-fact", 5),
        Fault("Male", "n/a", "needs_review", "unreadable-number", 4),
        Fault("Country", "Narnia", "needs_review", "unknown-code", 2),
    ),
    ("Licence No.", "Country", "Year"),
    ("iso",),
    "",
    "Agency",
    "Licence No.",
    title="Workers sent abroad, per agency",
    ends=("Grand total {n}",),
    lines=0,
)
SYSTEMS = (
    MOSVY,
    LEASETC,
    MOJ,
    MOLVT,
    ECPAT,
    UNIAP_CARD,
    UNIAP_CHECKLIST,
    UNIAP_FORM,
    HTCDS_FILE,
    EMBASSY,
)
