"""The parties table of the domain as a grid, written from that table and not from the policy: role by action.

`all` over everything, `own` over what the organisation recorded or was entrusted with, `-` not at all.
"""

ROLES = (
    "first_responder", "competent_authority", "social_affairs", "provider", "justice", "labour", "embassy_desk",
    "coordinator", "auditor", "administrator",
)  # fmt: skip

GRID = """
#                              resp authr mosvy provd justi labor embas coord audit admin
case.open                      all  all   all   -     -     -     -     -     -     -
case.screen                    own  all   -     -     -     -     -     -     -     -
case.determine                 -    all   -     -     -     -     -     -     -     -
case.consent                   own  all   all   own   -     -     -     -     -     -
case.correct                   -    all   -     -     -     -     -     -     -     -
case.link                      -    all   -     -     -     -     -     -     -     -
case.duplicates                own  all   all   -     -     -     -     -     -     -
case.review                    -    all   -     -     -     -     -     -     -     -
case.close                     -    all   -     -     -     -     -     -     -     -
case.shred_request             -    all   -     -     -     -     -     -     -     all
case.shred_approve             -    all   -     -     -     -     -     -     -     all
case.read                      own  all   all   own   own   -     -     -     all   -
case.list                      own  all   all   own   own   -     -     -     all   -
case.read_names                own  all   all   own   own   -     -     -     -     -
case.import                    -    all   all   -     -     own   -     -     -     all
notice.make                    all  all   all   -     -     -     -     -     -     -
notice.read                    own  all   all   -     -     -     -     -     all   -
case.advise                    own  all   -     -     -     -     -     -     -     -
due.read                       own  all   all   -     -     -     -     -     all   -
due.coming_of_age              own  all   -     -     -     -     -     -     -     -
due.count                      -    all   all   -     -     -     -     all   all   -
instrument.read                all  all   all   all   all   all   all   all   all   all
provider.register              -    -     all   all   -     -     -     -     -     -
provider.decide                -    -     all   -     -     -     -     -     -     -
provider.change                -    -     all   own   -     -     -     -     -     -
provider.read                  all  all   all   all   -     -     all   all   all   -
referral.make                  own  all   all   own   -     -     -     -     -     -
referral.decide                -    -     all   -     -     -     -     -     -     -
referral.respond               -    -     -     own   -     -     -     -     -     -
referral.complete              -    -     all   own   -     -     -     -     -     -
referral.read                  own  all   all   own   -     -     -     -     all   -
options.read                   own  all   all   own   -     -     -     -     -     -
referral.due                   own  all   all   own   -     -     -     all   all   -
need.record                    own  all   all   own   -     -     -     -     -     -
need.read                      own  all   all   own   -     -     -     -     all   -
need.count                     -    all   all   -     -     -     -     all   all   -
shelter.open                   -    -     all   own   -     -     -     -     -     -
shelter.capacity               -    -     all   own   -     -     -     -     -     -
shelter.hold                   -    all   all   own   -     -     -     -     -     -
shelter.inspect                -    -     all   -     -     -     -     -     -     -
shelter.read                   -    all   all   own   -     -     -     all   all   -
placement.admit                -    -     all   own   -     -     -     -     -     -
placement.change               -    -     all   own   -     -     -     -     -     -
placement.read                 -    all   all   own   -     -     -     -     all   -
follow_up.record               -    -     all   own   -     -     -     -     -     -
plan.change                    -    -     all   own   -     -     -     -     -     -
alert.read                     -    all   all   own   -     -     -     -     all   -
alert.resolve                  -    all   all   -     -     -     -     -     -     -
care.due                       -    all   all   own   -     -     -     all   all   -
standard.read                  all  all   all   all   all   all   all   all   all   all
report.file                    all  -     -     -     all   -     -     -     -     -
report.read                    own  all   -     -     all   -     -     -     all   -
court_case.open                -    -     -     -     all   -     -     -     -     -
court_case.change              -    -     -     -     all   -     -     -     -     -
court_case.read                -    all   -     -     all   -     -     -     all   -
victim_charge.record           all  all   -     -     all   -     -     -     -     -
victim_charge.read             -    all   -     -     all   -     -     -     all   -
victim_charge.assign           -    all   -     -     -     -     -     -     -     -
victim_charge.resolve          -    all   -     -     all   -     -     -     -     -
statute.read                   all  all   all   all   all   all   all   all   all   all
corridor.read                  all  all   all   all   all   all   all   all   all   all
repatriation.start             -    all   all   -     -     -     own   -     -     -
repatriation.step              own  all   all   own   -     -     own   -     -     -
repatriation.read              own  all   all   own   -     -     own   -     all   -
repatriation.read_names        -    all   all   -     -     -     -     -     -     -
handover_file.read             -    all   all   -     -     -     own   -     -     -
handover_file.withdraw         -    all   all   -     -     -     own   -     -     -
handover_file.verify           all  all   all   all   all   all   all   all   all   all
inbox.post                     -    -     -     -     -     -     own   -     -     -
inbox.read                     -    -     -     -     -     -     own   -     -     -
notification.read              own  own   own   own   -     -     own   -     -     -
webhook.manage                 own  own   own   own   -     -     own   -     -     -
view.shelter_capacity          all  all   all   own   -     -     -     all   all   -
view.court_outcomes            -    all   all   -     all   -     -     all   all   -
view.cross_border              -    all   all   -     -     -     own   all   all   -
view.coverage                  -    all   all   -     -     -     -     all   all   -
statistics.read                all  all   all   all   all   all   all   all   all   all
statistics.read_small_cells    -    all   -     -     -     -     -     -     all   -
statistics.trace               -    all   -     -     -     -     -     -     all   -
statistics.release             -    all   -     -     -     -     -     -     -     -
statistics.export              -    all   -     -     -     -     -     -     -     -
history.read                   own  all   all   own   own   -     own   -     all   -
history.read_names             own  all   all   own   own   -     -     -     -     -
history.read_names_with_reason -    -     -     -     -     -     -     -     all   -
history.read_care              own  all   all   own   -     -     -     -     all   -
history.read_case              own  all   all   own   own   -     -     -     all   -
history.export                 -    all   all   -     -     -     -     -     all   -
events.read                    -    -     -     -     -     -     -     -     all   all
log.read                       all  all   all   all   all   all   all   all   all   all
access_log.read                -    all   -     -     -     -     -     -     all   -
emergency.review               -    all   -     -     -     -     -     -     -     -
"""

EXPECTED = {
    name: dict(zip(ROLES, (None if cell == "-" else cell for cell in cells), strict=True))
    for name, *cells in (line.split() for line in GRID.strip().splitlines()[1:])
}
