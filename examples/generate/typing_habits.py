"""How a date is typed in an office: orders, calendars, digits, months as words; and what a reader will note of it."""

from datetime import date

KHMER = str.maketrans("0123456789", "០១២៣៤៥៦៧៨៩")
THAI = str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
MONTHS_KM = ("មករា", "កុម្ភៈ", "មីនា", "មេសា", "ឧសភា", "មិថុនា", "កក្កដា", "សីហា", "កញ្ញា", "តុលា", "វិច្ឆិកា", "ធ្នូ")
BUDDHIST = 543
MONTHS_A_YEAR = 12
NUMERIC = ("dmy", "khmer", "be", "khmer_be", "thai_be", "mdy")


def typed(day: date, style: str) -> str:
    """A date as a clerk of this habit types it."""
    buddhist = day.year + BUDDHIST
    match style:
        case "iso":
            return day.isoformat()
        case "word":
            return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
        case "khmer_word":
            return f"ថ្ងៃទី {day.day} ខែ {MONTHS_KM[day.month - 1]} ឆ្នាំ {buddhist}".translate(KHMER)
        case "mdy":
            return f"{day.month:02}/{day.day:02}/{day.year}"
        case "khmer":
            return f"{day.day:02}/{day.month:02}/{day.year}".translate(KHMER)
        case "be":
            return f"{day.day:02}/{day.month:02}/{buddhist}"
        case "khmer_be":
            return f"{day.day:02}-{day.month:02}-{buddhist}".translate(KHMER)
        case "thai_be":
            return f"{day.day}/{day.month}/{buddhist}".translate(THAI)
        case _:
            return f"{day.day:02}/{day.month:02}/{day.year}"


def notes_of(day: date, style: str, native: str) -> set[str]:
    """What a reader notes of a date that is typed so in a system whose order is `native`."""
    notes = {"buddhist-era"} if style in {"be", "khmer_be", "thai_be", "khmer_word"} else set()
    order = "mdy" if style == "mdy" else "dmy"
    if style in NUMERIC and order != native and day.day > MONTHS_A_YEAR:
        notes.add("date-order")
    return notes


def could_be_either(day: date, style: str) -> bool:
    """Whether day and month could change places."""
    return style in NUMERIC and day.day <= MONTHS_A_YEAR and day.day != day.month
