"""Draws horizontal bars with their spread as SVG."""
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP, HEAD, FOOT = 860, 250, 150, 18, 8, 34, 18
OURS, OTHERS, SPREAD = "#0b7285", "#adb5bd", "#343a40"


def _panel(title, bars, top):
    """`bars` are (label, middle, low, high, text, ours). Returns lines and the panel's height."""
    span = WIDTH - LEFT - RIGHT
    most = max((high for _, _, _, high, _, _ in bars), default=1) or 1
    lines = [f'<text x="10" y="{top + 20}" class="title">{escape(title)}</text>']
    y = top + HEAD
    for label, middle, low, high, text, ours in bars:
        center = y + BAR / 2
        width = middle / most * span
        x_low, x_high = LEFT + low / most * span, LEFT + high / most * span
        lines += [
            f'<text x="{LEFT - 8}" y="{center + 4}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" '
            f'fill="{OURS if ours else OTHERS}"/>',
            f'<path d="M{x_low:.1f} {center}H{x_high:.1f}M{x_low:.1f} {center - 4}v8'
            f'M{x_high:.1f} {center - 4}v8" stroke="{SPREAD}" fill="none"/>',
            f'<text x="{max(x_high, LEFT + width) + 6:.1f}" y="{center + 4}">{escape(text)}</text>',
        ]
        y += BAR + GAP
    return lines, HEAD + len(bars) * (BAR + GAP) + FOOT


def draw(panels):
    """The SVG document for a list of (title, bars)."""
    body, top = [], 0
    for title, bars in panels:
        lines, height = _panel(title, bars, top)
        body += lines
        top += height
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" '
        f'height="{top}" font-family="sans-serif" font-size="12">',
        "<style>.title{font-weight:bold;font-size:14px}</style>",
        f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>',
    ] + body + ["</svg>", ""])
