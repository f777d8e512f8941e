//! The tokens of SQL text and where its statements end: enough to find statements, comments and strings in any of the
//! three engines. Never fails: what is cut off by the end of the text is a token that says so.

use std::ops::Range;

use super::Engine;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword, a name without quotes, or a number.
    Word,
    /// A name in quotes, backquotes or brackets.
    QuotedName,
    /// A string of any sort.
    String,
    /// One character of anything else.
    Symbol,
    /// A comment.
    Comment,
}

/// A token and its bytes in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) range: Range<usize>,
    /// False when the text ends inside of it.
    pub(crate) terminated: bool,
}

impl Token {
    pub(crate) fn text<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.range.clone()).unwrap_or_default()
    }

    pub(crate) fn is_word(&self, text: &str, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text(text).eq_ignore_ascii_case(word)
    }

    pub(crate) fn is_symbol(&self, text: &str, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text(text) == symbol
    }
}

/// All tokens of a text but blanks, in order.
pub(crate) fn tokens(text: &str, engine: Engine) -> Vec<Token> {
    each_token(text, engine).collect()
}

/// The same, one by one.
pub(crate) fn each_token(text: &str, engine: Engine) -> impl Iterator<Item = Token> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let token = token(text, at, engine)?;
        at = token.range.end;
        Some(token)
    })
}

/// The first token that begins at a place or after it.
fn token(text: &str, at: usize, engine: Engine) -> Option<Token> {
    let bytes = text.as_bytes();
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let at = at + bytes.get(at..)?.iter().position(|byte| !is_blank(byte))?;
    let byte = *bytes.get(at)?;
    let (kind, end, terminated) = match byte {
        b'-' if bytes.get(at + 1) == Some(&b'-') => (TokenKind::Comment, line_end(bytes, at, engine), true),
        b'/' if bytes.get(at + 1) == Some(&b'*') => block_comment(bytes, at, engine),
        b'\'' => string(bytes, at, false),
        b'e' | b'E' if engine == Engine::Postgres && bytes.get(at + 1) == Some(&b'\'') => segments(bytes, at + 1)
            .last()
            .map_or((TokenKind::Symbol, at + 1, true), |last| (TokenKind::String, last.end, last.terminated)),
        b'e' | b'E' if engine == Engine::DuckDb && bytes.get(at + 1) == Some(&b'\'') => string(bytes, at + 1, true),
        b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if bytes.get(at + 1) == Some(&b'\'') => string(bytes, at + 1, false),
        b'u' | b'U' if bytes.get(at + 1) == Some(&b'&') && bytes.get(at + 2) == Some(&b'\'') => {
            string(bytes, at + 2, false)
        }
        b'u' | b'U' if bytes.get(at + 1) == Some(&b'&') && bytes.get(at + 2) == Some(&b'"') => {
            quoted(bytes, at + 2, b'"')
        }
        b'"' => quoted(bytes, at, b'"'),
        b'`' if engine == Engine::Sqlite => quoted(bytes, at, b'`'),
        b'[' if engine == Engine::Sqlite => match bytes[at..].iter().position(|byte| *byte == b']') {
            Some(length) => (TokenKind::QuotedName, at + length + 1, true),
            None => (TokenKind::QuotedName, bytes.len(), false),
        },
        b'$' if engine != Engine::Sqlite => match dollar_quoted(text, at) {
            Some((end, terminated)) => (TokenKind::String, end, terminated),
            None => (TokenKind::Symbol, at + 1, true),
        },
        _ if is_word_byte(byte) => {
            let length = bytes[at..].iter().position(|byte| !is_word_byte(*byte) && *byte != b'$');
            (TokenKind::Word, length.map_or(bytes.len(), |length| at + length), true)
        }
        _ => (TokenKind::Symbol, at + 1, true),
    };
    Some(Token { kind, range: at..end.max(at + 1), terminated })
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The end of a comment that begins with two hyphens: for SQLite alone, a carriage return is part of it.
fn line_end(bytes: &[u8], at: usize, engine: Engine) -> usize {
    let ends = |byte: &u8| *byte == b'\n' || (*byte == b'\r' && engine != Engine::Sqlite);
    bytes[at..].iter().position(ends).map_or(bytes.len(), |length| at + length)
}

/// One of the pieces of a string that goes on after a line break.
struct Segment {
    start: usize,
    end: usize,
    terminated: bool,
}

/// The pieces of a Postgres string with escapes whose first quote is at `quote`: the escapes hold in all of them.
fn segments(bytes: &[u8], quote: usize) -> Vec<Segment> {
    let mut found = Vec::new();
    let mut next = Some(quote);
    while let Some(start) = next {
        let (_, end, terminated) = string(bytes, start, true);
        found.push(Segment { start, end, terminated });
        next = if terminated { continued(bytes, end) } else { None };
    }
    found
}

/// The quote with which a string goes on: nothing but blanks, comments and at least one line break before it.
fn continued(bytes: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    let mut broken = false;
    loop {
        match bytes.get(at)? {
            b'\n' | b'\r' => broken = true,
            b' ' | b'\t' | 0x0b | 0x0c => {}
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at = line_end(bytes, at, Engine::Postgres);
                continue;
            }
            b'\'' if broken => return Some(at),
            _ => return None,
        }
        at += 1;
    }
}

/// What stands between the quotes of the later pieces of a string with escapes, for parsers that take those pieces for
/// strings without.
pub(crate) fn later_pieces(text: &str, token: &Token) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let start = token.range.start;
    if token.kind != TokenKind::String || !matches!(bytes.get(start..start + 2), Some(b"e'" | b"E'")) {
        return Vec::new();
    }
    let pieces = segments(bytes, start + 1).into_iter().skip(1);
    pieces.map(|piece| piece.start + 1..if piece.terminated { piece.end - 1 } else { piece.end }).collect()
}

fn block_comment(bytes: &[u8], at: usize, engine: Engine) -> (TokenKind, usize, bool) {
    let mut depth = 0usize;
    let mut next = at;
    while next < bytes.len() {
        if bytes[next..].starts_with(b"/*") && (depth == 0 || engine != Engine::Sqlite) {
            depth += 1;
            next += 2;
        } else if bytes[next..].starts_with(b"*/") {
            depth -= 1;
            next += 2;
            if depth == 0 {
                return (TokenKind::Comment, next, true);
            }
        } else {
            next += 1;
        }
    }
    // SQLite takes the end of the text for the end of the comment.
    (TokenKind::Comment, bytes.len(), engine == Engine::Sqlite)
}

/// A string whose opening quote is at `quote`.
fn string(bytes: &[u8], quote: usize, escapes: bool) -> (TokenKind, usize, bool) {
    let mut next = quote + 1;
    while next < bytes.len() {
        match bytes[next] {
            b'\\' if escapes => next += 2,
            b'\'' if bytes.get(next + 1) == Some(&b'\'') => next += 2,
            b'\'' => return (TokenKind::String, next + 1, true),
            _ => next += 1,
        }
    }
    (TokenKind::String, bytes.len(), false)
}

fn quoted(bytes: &[u8], at: usize, quote: u8) -> (TokenKind, usize, bool) {
    let mut next = at + 1;
    while next < bytes.len() {
        if bytes[next] == quote {
            if bytes.get(next + 1) != Some(&quote) {
                return (TokenKind::QuotedName, next + 1, true);
            }
            next += 1;
        }
        next += 1;
    }
    (TokenKind::QuotedName, bytes.len(), false)
}

/// The end of `$tag$ ... $tag$`, when one begins here.
fn dollar_quoted(text: &str, at: usize) -> Option<(usize, bool)> {
    let rest = text.get(at + 1..)?;
    let length = rest.bytes().position(|byte| !is_word_byte(byte)).unwrap_or(rest.len());
    if rest.as_bytes().get(length) != Some(&b'$') || rest.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let delimiter = text.get(at..at + length + 2)?;
    let body = at + delimiter.len();
    Some(match text.get(body..)?.find(delimiter) {
        Some(found) => (body + found + delimiter.len(), true),
        None => (text.len(), false),
    })
}

/// The statements of a text, as ranges over its tokens without comments: each from its first token to its semicolon. A
/// `;` inside the body of a trigger or between BEGIN ATOMIC and END ends nothing.
pub(crate) fn statements(text: &str, tokens: &[Token]) -> Vec<Vec<Token>> {
    let mut found = Vec::new();
    let mut current: Vec<Token> = Vec::new();
    let mut depth = 0usize;
    let mut words = tokens.iter().filter(|token| token.kind != TokenKind::Comment).peekable();
    while let Some(token) = words.next() {
        let next = words.peek().copied();
        let begins = token.is_word(text, "begin") && is_body(text, &current, next);
        if begins || (depth > 0 && token.is_word(text, "case")) {
            depth += 1;
        } else if token.is_word(text, "end") {
            depth = depth.saturating_sub(1);
        }
        let ends = depth == 0 && token.is_symbol(text, ";");
        current.push(token.clone());
        if ends {
            found.push(std::mem::take(&mut current));
        }
    }
    if !current.is_empty() {
        found.push(current);
    }
    found
}

/// Whether a BEGIN opens the body of what a statement makes, and is not a name in it.
fn is_body(text: &str, statement: &[Token], next: Option<&Token>) -> bool {
    let is = |token: &Token, words: &[&str]| words.iter().any(|word| token.is_word(text, word));
    let Some((first, rest)) = statement.split_first() else { return false };
    let makes = |words: &[&str]| is(first, &["create"]) && rest.iter().take(4).any(|token| is(token, words));
    let named = statement.last().is_some_and(|last| {
        is(last, &["trigger", "exists", "on", "of"]) || last.is_symbol(text, ".") || last.is_symbol(text, ",")
    });
    let atomic = next.is_some_and(|next| is(next, &["atomic"]));
    (makes(&["trigger"]) && !named) || (makes(&["function", "procedure"]) && atomic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str, engine: Engine) -> Vec<&str> {
        tokens(text, engine).iter().map(|token| token.text(text)).collect()
    }

    #[test]
    fn strings_names_and_comments_are_one_token_each() {
        let text = "select 'it''s', E'a\\'b', \"x\"\"y\", $$a;b$$, $t$ $$ $t$ -- c;\n/* /* ; */ */ + $1";
        assert_eq!(
            texts(text, Engine::Postgres),
            [
                "select",
                "'it''s'",
                ",",
                "E'a\\'b'",
                ",",
                "\"x\"\"y\"",
                ",",
                "$$a;b$$",
                ",",
                "$t$ $$ $t$",
                "-- c;",
                "/* /* ; */ */",
                "+",
                "$",
                "1"
            ]
        );
        assert_eq!(texts("[a b] `c` x'00'", Engine::Sqlite), ["[a b]", "`c`", "x'00'"]);
    }

    #[test]
    fn the_body_of_a_trigger_is_part_of_its_statement() {
        let text = "create trigger a after insert on b begin update c set d = case when 1 then 2 end; select 1; end; drop table c;";
        let found = statements(text, &tokens(text, Engine::Sqlite));
        assert_eq!(found.len(), 2);
        assert!(found[1][0].is_word(text, "drop"));
    }

    #[test]
    fn a_name_that_looks_like_a_body_hides_nothing() {
        for text in [
            "create function f(begin int) returns int language sql as 'select 1'; commit;",
            "create trigger begin after insert on t execute function f(); commit;",
            "create trigger t after insert on s.begin execute function f(); commit;",
        ] {
            assert_eq!(statements(text, &tokens(text, Engine::Postgres)).len(), 2, "{text}");
        }
    }

    #[test]
    fn a_carriage_return_ends_a_comment_but_for_sqlite() {
        let text = "-- a\rcommit;";
        assert_eq!(texts(text, Engine::Postgres), ["-- a", "commit", ";"]);
        assert_eq!(texts(text, Engine::DuckDb), ["-- a", "commit", ";"]);
        assert_eq!(texts(text, Engine::Sqlite), [text]);
    }

    #[test]
    fn the_escapes_of_a_string_hold_after_a_line_break() {
        let text = "E'a' -- b'\n  '\\'; -- '; c";
        assert_eq!(texts(text, Engine::Postgres), ["E'a' -- b'\n  '\\'; -- '", ";", "c"]);
        let token = &tokens(text, Engine::Postgres)[0];
        let pieces: Vec<&str> = later_pieces(text, token).into_iter().map(|piece| &text[piece]).collect();
        assert_eq!(pieces, ["\\'; -- "]);
        assert_eq!(texts("E'a' '\\'", Engine::Postgres), ["E'a'", "'\\'"]);
        assert_eq!(texts("E'a'\n'\\'; -- '", Engine::DuckDb), ["E'a'", "'\\'", ";", "-- '"]);
    }

    #[test]
    fn what_the_end_cuts_off_says_so() {
        for text in ["'a", "\"a", "/* a", "$$ a", "E'a\\"] {
            assert!(tokens(text, Engine::Postgres).iter().any(|token| !token.terminated), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_tokens_in_order(text in any::<String>(), pieces in prop::collection::vec("('|\"|\\$|/\\*|\\*/|--|\\\\|e|;|\n|é|\\[|`)", 0..40)) {
            for text in [text, pieces.concat()] {
                for engine in [Engine::Postgres, Engine::Sqlite, Engine::DuckDb] {
                    let mut last = 0;
                    let found = tokens(&text, engine);
                    for token in &found {
                        prop_assert!(token.range.start >= last && token.range.end > token.range.start);
                        prop_assert!(text.get(token.range.clone()).is_some() || token.kind == TokenKind::Symbol);
                        last = token.range.end;
                    }
                    prop_assert!(last <= text.len());
                    statements(&text, &found);
                }
            }
        }
    }
}
