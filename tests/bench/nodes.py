"""S8: through whole nodes. API → outbox → sealed → broker → inbox, every store synced, day keys on."""
import random
import statistics
import threading
import time

import idle
from systems import HERE, MECHANISMS
from house import Failure, House, wait_until

ORIGINS = ["410000", "430000", "440000"]
NATION = "100000"
REGIONS = ["510000", "520000", "530000"]
PROFILES = f"{HERE}/../data/profiles"


def supply_rows(origin, count, seed):
    """Requests of hospitals; each goes to the nation's logistics desk. (Digits at random look like telephone numbers.)"""
    draw = random.Random(f"{seed} {origin}")
    lines = ["adcode,facility,item,quantity,specification"]
    lines += [f"{origin},第{i}医院,医用防护口罩 N95,{draw.randint(2, 9000)},GB 19083-2010 {''.join(draw.choices('ABCDEFGHKMNPQRSTVWXYZ', k=16))}"
              for i in range(count)]
    return "\n".join(lines) + "\n", {NATION: count}


def contact_rows(origin, count, seed):
    """Journeys of cases; each notice goes to the region concerned, drawn at random, sealed to it."""
    draw, expected = random.Random(f"{seed} {origin}"), dict.fromkeys(REGIONS, 0)
    lines = ["病例编号,通报地区,关联地区,性别,年龄,发病日期,确诊日期,行程日期,交通方式,出发地,到达地,密接人数"]
    for i in range(count):
        to = draw.choice(REGIONS)
        expected[to] += 1
        lines.append(f"{origin}{i:08d},{origin},{to},男,{draw.randint(20, 80)},2020-01-19,2020-01-26,2020-01-21,自驾,"
                     f"{origin},{to},{draw.randint(1, 9)}")
    return "\n".join(lines) + "\n", expected


def counts(node):
    return node.api("GET", "/v1/status")[1]["counts"]


def import_all(house, profile, tables):
    """Every origin imports its table, at the same time."""
    with open(f"{PROFILES}/{profile}.yaml", encoding="utf-8") as file:
        text = file.read()
    failed = []

    def run(origin):
        status, report = house.nodes[origin].api("POST", "/v1/import", {"profile": text, "csv": tables[origin]},
                                                 ["Content-Type: application/json"])
        if status != 200 or report["queued"] != tables[origin].count("\n") - 1:
            refused = [item for item in report.get("items", []) if item["result"] != "queued"] or report
            failed.append(f"{origin}: HTTP {status} {str(refused)[:400]}")
    threads = [threading.Thread(target=run, args=(origin,)) for origin in tables]
    for thread in threads:
        thread.start()
    return threads, failed


def one_round(programs, profile, make, recipients, count, seed):
    with House(programs, pulse_ms=5000) as house:
        house.found([*ORIGINS, *recipients], mechanisms=MECHANISMS)
        house.broker.configure(map_mib=8192)
        for node in house.nodes.values():
            node.map_mib = 8192
        house.start()
        tables, expected = {}, dict.fromkeys(recipients, 0)
        for origin in ORIGINS:
            tables[origin], its = make(origin, count, seed)
            for region, number in its.items():
                expected[region] += number
        cpu = {p.name: cpu_of(p) for p in house.processes}
        start = time.perf_counter()
        threads, failed = import_all(house, profile, tables)
        wait_until(lambda: failed or all(counts(house.nodes[r])["received"] >= n for r, n in expected.items()),
                   "all in the inboxes", 300)
        seconds = time.perf_counter() - start
        for thread in threads:
            thread.join()
        used = {p.name: cpu_of(p) - cpu[p.name] for p in house.processes}
        check(house, failed, expected, count)
        total = count * len(ORIGINS)
        return {"rate": total / seconds, "published": total, "deliveries": total, "seconds": seconds,
                "cpu_seconds": sum(used.values()), "cpu_seconds_of": used, "rss_anon_kb": idle.rss_anon_kb(house.broker.child.pid)}


def cpu_of(process):
    with open(f"/proc/{process.child.pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def check(house, failed, expected, count):
    """The round is void unless each inbox holds exactly what is its own, and each origin knows."""
    if failed:
        raise Failure("; ".join(failed))
    for region, number in expected.items():
        got = counts(house.nodes[region])
        if got["received"] != number or got["rejected"] or got["unreadable"]:
            raise Failure(f"{region}: {number} are its own, it has {got}")
    for origin in ORIGINS:
        wait_until(lambda: counts(house.nodes[origin])["admitted"] == count, f"{origin} knows that all are admitted", 60)


def desk_to_desk(programs, rounds):
    with House(programs) as house:
        house.found(idle.REGIONS).start()
        idle.latency_ms(house, 5)
        return idle.latency_ms(house, rounds)


def run(programs, rounds, quick, results):
    """Behind the rounds that results holds."""
    count = 2000 if quick else 20000
    parts = (("S8-supply", "supply-needs-2020", supply_rows, [NATION]),
             ("S8-contacts", "contact-notices-2020", contact_rows, REGIONS))
    desks = results.setdefault("S8-desk", {}).setdefault("lianfang", [])
    for number in range(len(desks), len(desks) + rounds):
        for key, profile, make, recipients in parts:
            result = one_round(programs, profile, make, recipients, count, number)
            results.setdefault(key, {}).setdefault("lianfang", []).append(result)
            million = 1e6 / result["published"]
            used = ", ".join(f"{name} {cpu * million:.0f}" for name, cpu in result["cpu_seconds_of"].items())
            print(f"{key:11s} round {number + 1} {result['rate']:10.0f} /s from import to inbox; CPU s per million "
                  f"{result['cpu_seconds'] * million:.0f}: {used}", flush=True)
        desks.append({"p50_ms": statistics.median(desk_to_desk(programs, 30))})
        print(f"S8-desk     round {number + 1} desk to desk p50 {desks[-1]['p50_ms']:.2f} ms", flush=True)
