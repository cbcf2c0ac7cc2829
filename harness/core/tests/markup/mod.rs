//! What a page or a drawing must never hold.

/// Elements that HTML never closes.
const VOID: [&str; 5] = ["meta", "br", "wbr", "img", "link"];

/// Walks through the tags and says what is wrong: a tag that is not closed, closed twice or in the wrong order,
/// or a naked `<` or quote.
pub(crate) fn tag_problem(text: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let Some(end) = rest.find('>') else { return Some(format!("unfinished tag {rest:.40}")) };
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if tag.starts_with('!') {
            continue;
        }
        if tag.contains('<') || tag.matches('"').count() % 2 == 1 {
            return Some(format!("broken tag {tag:.80}"));
        }
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap_or("");
        if tag.starts_with('/') {
            match open.pop() {
                Some(top) if top == name => {}
                other => return Some(format!("</{name}> closes {other:?}")),
            }
        } else if !VOID.contains(&name) {
            open.push(name);
            if name == "style" {
                rest = &rest[rest.find("</style>").expect("style is closed")..];
            }
        }
    }
    open.pop().map(|name| format!("<{name}> is not closed"))
}

pub(crate) fn attributes<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let pattern = format!(" {name}=\"");
    text.split(pattern.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// What is wrong with the numbers of all drawings.
pub(crate) fn number_problem(svg: &str) -> Option<String> {
    for name in ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height"] {
        let bad = attributes(svg, name)
            .into_iter()
            .find(|value| !value.parse::<f64>().is_ok_and(|n| n.abs() < 1e4));
        if let Some(bad) = bad {
            return Some(format!("{name}={bad}"));
        }
    }
    let bad = attributes(svg, "d").into_iter().find(|path| path.contains("NaN") || path.contains("inf"));
    bad.map(str::to_string)
}
