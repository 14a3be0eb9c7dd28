"""Dates of 2020 made recent: each file's dates move by one constant of its own, so that its last date becomes yesterday."""
import csv
import datetime
import re

DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")


def dates_of(text):
    return [datetime.date(*map(int, m.groups())) for m in DATE.finditer(text)]


def shifted(path, out, today):
    """Writes the shifted copy; returns (days moved, new last date), or (0, None) for a file without dates."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        text = file.read()
    dates = dates_of(text)
    days = 0
    if dates:
        days = (today - datetime.timedelta(days=1) - max(dates)).days
        text = DATE.sub(lambda m: str(datetime.date(*map(int, m.groups())) + datetime.timedelta(days=days)), text)
    with open(out, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return days, max(dates_of(text)) if dates else None


def split(path, parts):
    """The same rows in several files, as an office that sends its list in pieces would; returns their names."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    head, body = rows[0], rows[1:]
    names = []
    for i in range(parts):
        name = f"{path[:-4]}.part{i + 1}.csv"
        with open(name, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head] + body[len(body) * i // parts:len(body) * (i + 1) // parts])
        names.append(name)
    return names


def count_rows(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1
