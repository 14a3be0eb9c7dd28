"""Medians, ratios within rounds, verdicts; the table, the JSON and the plot."""
import json
import os
import statistics

import scenarios
import svg


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": len(values)}


def figures(results, scenario, system, value_of):
    return [value_of(result) for result in results.get(scenario, {}).get(system, [])]


def best_of(results, line):
    """The one of `against` that is ahead by its median; None when none was measured."""
    medians = {}
    for name in line.against:
        values = figures(results, line.scenario, name, line.figure)
        if values:
            medians[name] = statistics.median(values)
    if not medians:
        return None
    return (max if line.least else min)(medians, key=medians.get)


def judge(results, line):
    """None when it was not measured. Ratios are taken within each round and their median counts."""
    ours, name = figures(results, line.scenario, "lianfang", line.figure), best_of(results, line)
    if not ours or name is None:
        return None
    theirs = figures(results, line.scenario, name, line.figure)
    ratios = [a / b for a, b in zip(ours, theirs) if b > 0]
    if not ratios:
        return None
    ratio = statistics.median(ratios)

    def met(bound):
        return None if bound is None else (ratio >= bound if line.least else ratio <= bound)
    return {"key": line.key, "what": line.en, "unit": line.unit, "ours": spread(ours), "against": name,
            "theirs": spread(theirs), "ratio": ratio, "ratios": ratios, "floor": line.floor, "goal": line.goal,
            "at_least": line.least, "floor_met": met(line.floor), "goal_met": met(line.goal)}


def absolute(key, what, unit, values, floor, goal, at_least=True):
    """A figure against a bound instead of another system."""
    median = statistics.median(values)

    def met(bound):
        return None if bound is None else (median >= bound if at_least else median <= bound)
    return {"key": key, "what": what, "unit": unit, "ours": spread(values), "against": None, "theirs": None,
            "ratio": median / floor, "ratios": [value / floor for value in values], "floor": floor, "goal": goal,
            "at_least": at_least, "floor_met": met(floor), "goal_met": met(goal)}


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def figure(values):
    return f"{number(values['median'])} ({number(values['min'])}–{number(values['max'])})"


def verdict(row, which):
    bound, met = row[which], row[which + "_met"]
    if bound is None or (which == "floor" and bound == 0):
        return "-"
    sign = "≥" if row["at_least"] else "≤"
    return f"{sign} {bound:g} {'met' if met else 'not met'}"


def table(rows):
    """Markdown that reads as text too."""
    out = ["| # | figure | ours (min–max) | against (min–max) | ratio | floor | goal |",
           "|---|---|---|---|---|---|---|"]
    for row in rows:
        ours, theirs = row["ours"], row["theirs"]
        against = "the floor" if theirs is None else f"{row['against']} {figure(theirs)}"
        what = f"{row['what']}, {row['unit']}" if row["unit"] else row["what"]
        out.append(f"| {row['key']} | {what} | {figure(ours)} | {against} | {row['ratio']:.2f} | "
                   f"{verdict(row, 'floor')} | {verdict(row, 'goal')} |")
    return "\n".join(out)


def raw(results, parts):
    """Every scenario and system: medians of the rounds."""
    out = ["| scenario | system | rounds | deliveries/s (min–max) | confirmed p50/p99 ms | in hands p50/p99 ms | "
           "server CPU s per million | RssAnon MB |", "|---|---|---|---|---|---|---|---|"]

    def pair(rounds, which):
        if which not in rounds[0]:
            return "-"
        return "/".join(number(statistics.median(r[which][p] for r in rounds)) for p in ("p50", "p99"))
    for scenario in parts:
        for system, rounds in results.get(scenario.key, {}).items():
            if not rounds:
                continue
            rates = spread([r["rate"] for r in rounds])
            cpu = statistics.median(r["cpu_seconds"] * 1e6 / r["deliveries"] for r in rounds)
            memory = statistics.median(r["rss_anon_kb"] / 1024 for r in rounds)
            out.append(f"| {scenario.key} | {system} | {len(rounds)} | {number(rates['median'])} "
                       f"({number(rates['min'])}–{number(rates['max'])}) | {pair(rounds, 'confirmed_ms')} | "
                       f"{pair(rounds, 'in_hands_ms')} | {number(cpu)} | {number(memory)} |")
    return "\n".join(out)


def growth(results):
    """What growth.py measured, as two tables; "" when it did not."""
    rows = results.get("growth", {}).get("lianfang", [])
    out = ["| what grows | to | deliveries/s | in hands p50 ms | CPU us a delivery: core, io, writer, rest | a thread is full at | "
           "two cores at | RssAnon MB |", "|---|---|---|---|---|---|---|---|"]
    for row in [row for row in rows if "us_of" in row]:
        named = [row["us_of"].get(name, 0) for name in ("core", "io", "writer")]
        rest = sum(row["us_of"].values()) - sum(named)
        waits = number(row["in_hands_ms"]["p50"]) if "in_hands_ms" in row else "-"
        ends = ["-", "-"] if "in_hands_ms" in row else [f"{row['fullest']} {number(row['one_thread_ends_at'])}",
                                                        number(row["two_cores_end_at"])]
        out.append(f"| {row['what']} | {row['size']} | {number(row['rate'])} | {waits} | "
                   f"{', '.join(f'{us:.1f}' for us in [*named, rest])} | {' | '.join(ends)} | "
                   f"{number(row['rss_anon_kb'] / 1024)} |")
    out += ["", "| messages kept | confirmed/s, first and last tenth | restart s | caught up/s | RssAnon MB, first and last tenth | "
            "bytes of disk each |", "|---|---|---|---|---|---|"]
    for row in [row for row in rows if "kept" in row]:
        kept = row["kept"]
        out.append(f"| {row['messages']:,} | {number(kept['rate_first_tenth'])}, {number(kept['rate_last_tenth'])} | "
                   f"{number(row['restart_seconds'])} | {number(row['catch_up_rate'])} | "
                   f"{number(kept['rss_anon_kb_first_tenth'] / 1024)}, {number(kept['rss_anon_kb_last_tenth'] / 1024)} | "
                   f"{row['bytes_on_disk'] / row['messages']:.0f} |")
    return "\n".join(out) if rows else ""


def write(folder, name, slices, results, rows):
    """slices: what was measured when, at which commit, by which command; the newest is last."""
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{name}.json", "w", encoding="utf-8") as file:
        json.dump({"slices": slices, "lines": rows, "results": results}, file, ensure_ascii=False, indent=1)
        file.write("\n")
    with open(f"{folder}/{name}.svg", "w", encoding="utf-8") as file:
        file.write(svg.plot(slices, results, scenarios.SCENARIOS))
