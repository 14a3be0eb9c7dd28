"""A plot without a library: one panel a scenario, one bar a system with its spread."""
import statistics
from xml.sax.saxutils import escape

COLOURS = {"lianfang": "#b3261e", "bare": "#8a8a8a", "nats": "#27557f", "rabbitmq": "#c77700", "mosquitto": "#3d7a46"}
PANEL_W, PANEL_H, COLUMNS, MARGIN, HEAD, LINE = 400, 220, 3, 20, 46, 13


def text(x, y, words, size=11, anchor="start", fill="#222", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def short(value):
    if value >= 1000:
        return f"{value / 1000:.1f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def bars(x, y, title, unit, values):
    """values: {system: [one a round]}. Bars are medians, the lines from least to most."""
    out = [text(x, y + 14, title, 11, weight="bold"), text(x, y + 28, unit, 10, fill="#666")]
    top = max(max(v) for v in values.values()) or 1
    height = (PANEL_H - 50) / max(len(values), 1)
    width = PANEL_W - 150
    for i, (system, all_rounds) in enumerate(values.items()):
        at = y + 38 + i * height
        median = statistics.median(all_rounds)
        scale = width / top
        out.append(text(x + 62, at + height / 2 + 2, system, 11, "end"))
        out.append(f'<rect x="{x + 68:.1f}" y="{at:.1f}" width="{max(median * scale, 1):.1f}" '
                   f'height="{height * 0.6:.1f}" fill="{COLOURS.get(system, "#555")}"/>')
        middle = at + height * 0.3
        out.append(f'<line x1="{x + 68 + min(all_rounds) * scale:.1f}" y1="{middle:.1f}" '
                   f'x2="{x + 68 + max(all_rounds) * scale:.1f}" y2="{middle:.1f}" stroke="#000" stroke-width="1.5"/>')
        out.append(text(x + 76 + max(max(all_rounds), median) * scale, at + height / 2 + 2, short(median)))
    return "".join(out)


def panels(results, scenarios):
    for scenario in scenarios:
        measured = {system: rounds for system, rounds in results.get(scenario.key, {}).items() if rounds}
        if not measured:
            continue
        which = "ping" in scenario.options or "alert" in scenario.options
        if which:
            for percentile in ("p50", "p99"):
                yield (f"{scenario.key} {scenario.en}", f"ms into hands, {percentile}; less is better",
                       {s: [r["in_hands_ms"][percentile] for r in rounds] for s, rounds in measured.items()})
        else:
            yield (f"{scenario.key} {scenario.en}", "deliveries a second; more is better",
                   {s: [r["rate"] for r in rounds] for s, rounds in measured.items()})
        if scenario.key == "S1":
            yield ("S7 server CPU", "seconds per million; less is better",
                   {s: [r["cpu_seconds"] * 1e6 / r["deliveries"] for r in rounds] for s, rounds in measured.items()})


def said(slices):
    """Machine, then each slice: what, when, at which commit, by which command."""
    newest = slices[-1]
    yield f"{newest['machine']['cpu']} × {newest['machine']['cores']}"
    for one in slices:
        yield f"{' '.join(one['parts'])}: {one['when']}, {one['commit']}, {one['command']}"


def plot(slices, results, scenarios):
    drawn, lines = list(panels(results, scenarios)), list(said(slices))
    lines.append("bars: medians of the rounds; lines: least to most. bare: the same parts and nothing else")
    rows, top = (len(drawn) + COLUMNS - 1) // COLUMNS, HEAD + LINE * len(lines)
    width, height = MARGIN * 2 + COLUMNS * PANEL_W, top + rows * (PANEL_H + 20) + MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           'font-family="sans-serif">', f'<rect width="{width}" height="{height}" fill="#fff"/>',
           text(MARGIN, 26, "联防 Lianfang beside other brokers, same machine", 16, weight="bold")]
    out += [text(MARGIN, 44 + LINE * i, line, 10, fill="#666") for i, line in enumerate(lines)]
    for i, (title, unit, values) in enumerate(drawn):
        out.append(bars(MARGIN + i % COLUMNS * PANEL_W, top + i // COLUMNS * (PANEL_H + 20), title, unit, values))
    return "".join(out) + "</svg>\n"
