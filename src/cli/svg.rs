//! Pictures as SVG: what all of them have. Colours follow the reader's light or dark setting.

/// Colours of the light and the dark setting.
pub const STYLE: &str = "\
.plan{--ink:#1c2126;--soft:#5b6670;--line:#d9dee3;--back:#fff;--c0:#2563a8;--c1:#c2410c;--c2:#15803d;--c3:#7c3aed;--c4:#a16207;\
--c5:#be185d;--c6:#0f766e;--c7:#65a30d;--c8:#64748b;--c9:#38bdf8}\
@media(prefers-color-scheme:dark){.plan{--ink:#e6edf3;--soft:#9aa5b1;--line:#30363d;--back:#0d1117;--c0:#58a6ff;--c1:#ff9b5e;\
--c2:#4ade80;--c3:#b794f6;--c4:#e3b341;--c5:#f472b6;--c6:#2dd4bf;--c7:#a3e635;--c8:#94a3b8;--c9:#7dd3fc}}\
.plan text{fill:var(--soft);font:12px system-ui,sans-serif}.plan .title{fill:var(--ink);font-weight:600;font-size:14px}\
.plan .name{fill:var(--ink);font-weight:600}.plan .cell,.plan .label{fill:var(--ink)}\
.plan .label{paint-order:stroke;stroke:var(--back);stroke-width:3px}.plan .back{fill:var(--back)}.plan .grid{stroke:var(--line)}.plan .axis{stroke:var(--soft)}";

/// A number of three digits or so: `2 G`, `500 M`, `77.5`.
pub fn short(value: f64) -> String {
    for (unit, name) in [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")] {
        if value >= unit {
            return format!("{}{name}", trimmed(value / unit));
        }
    }
    trimmed(value)
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A picture of a width and a height with a title for readers of the screen.
pub fn document([width, height]: [f64; 2], title: &str, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plan\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n<rect class=\"back\" width=\"{width}\" height=\"{height}\"/>\n{body}</svg>\n",
        escaped(title)
    )
}

/// Text as XML has it.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
