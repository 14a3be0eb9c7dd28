#!/usr/bin/env python3
"""Who must hold what after the import, computed from the CSV files alone.

Shares no code and no table with proto/rules: the agreements are written down here a second time, in the plainest way, so that
the demo compares two independent readings of them.

    expect.py FOLDER REGION...      -> JSON on standard output
"""
import csv
import json
import sys
from collections import OrderedDict

DELTA = {"310000", "320000", "330000", "340000"}
NORTHEAST = {"210000", "220000", "230000"}
LIAISONS = {"810000", "820000"}  # of the national mechanism: they get and may send measures, nothing with persons
LOADED = {"yangtze-delta", "northeast-three", "national"}
MUNICIPAL = {"11", "12", "31", "50"}
# paired aid to the cities of Hubei outside Wuhan, as announced on 2020-02-07 and 02-10
PAIRED = {
    "420900": ["500000", "230000"], "421100": ["370000", "430000"], "421300": ["360000"], "421200": ["530000"],
    "421000": ["440000", "460000"], "420600": ["210000", "640000"], "420200": ["320000"], "420500": ["350000"],
    "420800": ["150000", "330000"], "429004": ["140000"], "429005": ["140000"], "429006": ["140000"],
    "420700": ["520000"], "420300": ["450000"], "429021": ["130000"], "422800": ["120000"],
}


def province(code):
    return "100000" if code == "100000" else code[:2] + "0000"


def city(code):
    if code[2:4] == "90":  # governed by the province directly
        return code
    return code[:4] + "00"


def rows(folder, name):
    with open(f"{folder}/{name}", encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            yield number, {k: (v or "").strip() for k, v in row.items()}


class Expectation:
    def __init__(self, regions):
        self.enrolled = set(regions)
        self.inbox = {region: [] for region in regions}
        self.refused, self.foreign, self.duplicate, self.invalid = [], [], [], []
        self.admitted = 0

    def speaker(self, code):
        """The node that speaks for a region: itself, its city, its province."""
        for candidate in (code, city(code), province(code)):
            if candidate in self.enrolled:
                return candidate
        return None

    def give(self, origin, to, entry):
        to = sorted(set(to) - {origin})
        here = [r for r in to if r in self.enrolled]
        entry = dict(entry, origin=origin)
        if not here:
            self.refused.append(dict(entry, reason="nobody"))
            return
        self.admitted += 1
        for region in here:
            self.inbox[region].append(entry)

    def grouped(self, folder, name, origin_of, key_of, valid):
        """Rows with one key are one envelope; an identical row counts once."""
        groups, seen = OrderedDict(), {}
        for number, row in rows(folder, name):
            origin = self.speaker(origin_of(row))
            if origin is None:
                self.foreign.append({"file": name, "row": number, "region": origin_of(row)})
                continue
            if not valid(row):
                self.invalid.append({"file": name, "row": number})
                continue
            whole = tuple(row.values())
            if whole in seen:
                self.duplicate.append({"file": name, "row": number, "of": seen[whole]})
                continue
            seen[whole] = number
            groups.setdefault((origin,) + key_of(row), []).append(number)
        return groups

    def contacts(self, folder):
        name = "contact-notices-2020.csv"
        groups = self.grouped(folder, name, lambda r: r["通报地区"], lambda r: (r["病例编号"], r["关联地区"]),
                              lambda r: r["行程日期"] or r["确诊日期"])
        for (origin, case, concerned), numbers in groups.items():
            entry = {"kind": "contact-notice", "key": f"{case}/{concerned}", "file": name, "rows": numbers}
            ends = {origin, province(concerned)}
            mechanism = ("yangtze-delta" if ends <= DELTA else "northeast-three" if ends <= NORTHEAST else "national")
            entry["mechanism"] = mechanism
            target = self.speaker(concerned)
            if origin in LIAISONS:
                self.refused.append(dict(entry, origin=origin, reason="liaison"))
            elif target in LIAISONS:
                self.refused.append(dict(entry, origin=origin, reason=f"liaison {concerned}"))
            elif target is None:
                self.refused.append(dict(entry, origin=origin, reason=f"nobody-for {concerned}"))
            else:
                self.give(origin, [target], entry)

    def supplies(self, folder):
        name = "supply-needs-2020.csv"
        groups = self.grouped(folder, name, lambda r: r["adcode"],
                              lambda r: (r["adcode"], r["facility"], r["item"]), lambda r: r["facility"] and r["item"])
        for (origin, adcode, facility, item), numbers in groups.items():
            # a need goes to the nation and to the provinces paired with its city; Wuhan's to the nation only
            to = ["100000"] + PAIRED.get(city(adcode), [])
            self.give(origin, to, {"kind": "supply-request", "key": f"{adcode}/{facility}/{item}",
                                   "mechanism": "national", "file": name, "rows": numbers})

    def measures(self, folder):
        name = "measures-2020.csv"
        groups = self.grouped(folder, name, lambda r: r["origin"],
                              lambda r: (r["date"], r["origin"], r["title"], r["mechanism"]), lambda r: r["title"])
        for (origin, date, issuer, title, mechanism), numbers in groups.items():
            entry = {"kind": "measure-bulletin", "key": f"{issuer}/{title}", "mechanism": mechanism,
                     "file": name, "rows": numbers}
            if mechanism not in LOADED:
                self.refused.append(dict(entry, origin=origin, reason="no-mechanism"))
                continue
            members = {"yangtze-delta": DELTA, "northeast-three": NORTHEAST}.get(mechanism, self.enrolled)
            self.give(origin, members, entry)

    def result(self):
        return {"inbox": self.inbox, "refused": self.refused, "foreign": self.foreign, "duplicate": self.duplicate,
                "invalid": self.invalid, "admitted": self.admitted}


def expectation(folder, regions):
    e = Expectation(regions)
    e.contacts(folder)
    e.supplies(folder)
    e.measures(folder)
    return e.result()


if __name__ == "__main__":
    json.dump(expectation(sys.argv[1], sys.argv[2:]), sys.stdout, ensure_ascii=False, indent=1)
