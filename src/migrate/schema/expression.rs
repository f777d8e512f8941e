//! One spelling for expressions that mean the same: engines keep them as they were written, or write them out in words of
//! their own, with parentheses and casts.
//!
//! An expression is read into a tree and written out again in one way. What cannot be read is compared token by token.

use super::cursor::{Cursor, unquoted};
use super::types;
use crate::engine::Engine;
use crate::engine::lexer::{self, TokenKind};

/// Whether two expressions mean the same. Across engines casts do not count, because Postgres writes them everywhere.
pub(super) fn same(one: (&str, Engine), other: (&str, Engine)) -> bool {
    let casts = one.1 == other.1;
    normal(one.0, one.1, casts) == normal(other.0, other.1, casts) || tokens(one.0, one.1) == tokens(other.0, other.1)
}

/// Whether two defaults of a column mean the same. `NULL` is no default.
pub(super) fn same_default(one: (Option<&str>, Engine), other: (Option<&str>, Engine), data_type: &str) -> bool {
    let value = |(default, engine): (Option<&str>, Engine)| {
        let casts = one.1 == other.1;
        let normal = normal(default?, engine, casts).unwrap_or_else(|| tokens(default.unwrap_or_default(), engine));
        // What a literal is, the column says.
        let data_type = types::normal(data_type, engine);
        let text = normal.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(&normal);
        match normal.as_str() {
            "null" => None,
            _ if casts => Some(normal),
            _ if data_type == "boolean" => Some(boolean(text).unwrap_or(&normal).to_owned()),
            _ if types::is_number(&data_type) && text.parse::<f64>().is_ok() => Some(text.to_owned()),
            _ => Some(normal),
        }
    };
    value(one) == value(other)
}

fn boolean(text: &str) -> Option<&'static str> {
    match text {
        "1" | "t" | "true" => Some("true"),
        "0" | "f" | "false" => Some("false"),
        _ => None,
    }
}

/// The tokens of SQL text in one spelling: without comments, words in small letters, simple names without quotes.
pub(super) fn tokens(text: &str, engine: Engine) -> String {
    let tokens = lexer::tokens(text, engine);
    let words = tokens.iter().filter(|token| token.kind != TokenKind::Comment).map(|token| {
        let text = token.text(text);
        match token.kind {
            TokenKind::Word => text.to_lowercase(),
            TokenKind::QuotedName => name(text),
            _ => text.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ").trim_end_matches(';').trim_end().to_owned()
}

/// A name without quotes, in small letters.
fn name(text: &str) -> String {
    unquoted(text).to_lowercase()
}

/// An expression in its one spelling, or nothing where it cannot be read.
fn normal(text: &str, engine: Engine, casts: bool) -> Option<String> {
    let mut reader = Reader { cursor: Cursor::new(text, engine), engine, depth: 0 };
    let node = reader.expression(0)?;
    reader.cursor.is_at_end().then(|| node.simple(casts).written())
}

/// The tree of an expression.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// A name, a number, a string, or what was not looked into, each as it is written.
    Leaf(String),
    /// An operator before its operand, or what a word says of it behind it: `not`, `-`, `is null`.
    Unary(String, Box<Node>),
    /// An operator between operands; `and` and `or` take more than two.
    Infix(String, Vec<Node>),
    /// A function, or what is written like one.
    Call(String, Vec<Node>),
    /// A value made another type.
    Cast(Box<Node>, String),
}

impl Node {
    fn infix(operator: &str, one: Self, other: Self) -> Self {
        Self::Infix(operator.to_owned(), vec![one, other])
    }

    fn not_if(self, negated: bool) -> Self {
        if negated { Self::Unary("not".to_owned(), Box::new(self)) } else { self }
    }

    /// The same in the simplest form.
    fn simple(self, casts: bool) -> Self {
        match self {
            Self::Leaf(_) => self,
            Self::Cast(inner, data_type) => match (inner.simple(casts), data_type) {
                (Self::Leaf(text), data_type) if !casts => Self::Leaf(literal(&text, &data_type)),
                (inner, _) if !casts => inner,
                (inner, data_type) => Self::Cast(Box::new(inner), data_type),
            },
            Self::Unary(operator, inner) => match (operator.as_str(), inner.simple(casts)) {
                ("-", Self::Leaf(number)) if number.starts_with(|c: char| c.is_ascii_digit()) => {
                    Self::Leaf(format!("-{number}"))
                }
                ("+", inner) => inner,
                (_, inner) => Self::Unary(operator, Box::new(inner)),
            },
            Self::Infix(operator, operands) => {
                let mut flat = Vec::new();
                for operand in operands {
                    match operand.simple(casts) {
                        Self::Infix(same, inner) if same == operator && (operator == "and" || operator == "or") => {
                            flat.extend(inner);
                        }
                        operand => flat.push(operand),
                    }
                }
                Self::Infix(operator, flat)
            }
            Self::Call(name, arguments) => {
                let mut arguments: Vec<Self> = arguments.into_iter().map(|argument| argument.simple(casts)).collect();
                match (name.as_str(), arguments.as_mut_slice()) {
                    ("in", [value, only]) => Self::infix("=", value.clone(), only.clone()),
                    ("extract" | "date_part", [Self::Leaf(field), _]) => {
                        *field = unquoted(field).to_lowercase();
                        Self::Call("extract".to_owned(), arguments)
                    }
                    ("now" | "get_current_timestamp" | "transaction_timestamp" | "current_timestamp", []) => {
                        Self::Leaf("current_timestamp".to_owned())
                    }
                    _ => Self::Call(name, arguments),
                }
            }
        }
    }

    fn written(&self) -> String {
        let list = |nodes: &[Self], between: &str| nodes.iter().map(Self::written).collect::<Vec<_>>().join(between);
        match self {
            Self::Leaf(text) => text.clone(),
            Self::Unary(operator, inner) => format!("({operator} {})", inner.written()),
            Self::Infix(operator, operands) => format!("({})", list(operands, &format!(" {operator} "))),
            Self::Call(name, arguments) => format!("{name}({})", list(arguments, ", ")),
            Self::Cast(inner, data_type) => format!("cast({} as {data_type})", inner.written()),
        }
    }
}

/// A literal that a cast makes a number or a boolean.
fn literal(text: &str, data_type: &str) -> String {
    let Some(inner) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) else { return text.to_owned() };
    match data_type {
        "boolean" => boolean(inner).unwrap_or(text).to_owned(),
        _ if types::is_number(data_type) && inner.parse::<f64>().is_ok() => inner.to_owned(),
        _ => text.to_owned(),
    }
}

/// All operators of more than one character; the longest that fits is read.
const OPERATORS: [&str; 26] = [
    "!~~*", "->>", "#>>", "!~~", "~~*", "!~*", "<=>", "~~~", "::", "||", "<=", ">=", "<>", "!=", "==", "->", "#>",
    "@>", "<@", "<<", ">>", "~~", "~*", "!~", "&&", "^@",
];

const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const IS: u8 = 4;
const COMPARISON: u8 = 5;
const LIKE: u8 = 6;
const OTHER: u8 = 7;
const SUM: u8 = 8;
const PRODUCT: u8 = 9;
const POWER: u8 = 10;
/// What SQLite binds closer than products: `||`, `->` and `->>`.
const CLOSE: u8 = 11;
const SIGN: u8 = 12;

/// How deep the tree of an expression that is looked into can be.
const DEPTH: usize = 250;

struct Reader<'a> {
    cursor: Cursor<'a>,
    engine: Engine,
    /// How deep the tree is so far.
    depth: usize,
}

impl Reader<'_> {
    /// The operator that comes next, and how many tokens it has.
    fn operator(&self) -> Option<(String, usize)> {
        let mut found = String::new();
        for length in 1..=4 {
            let place = self.cursor.place() + length - 1;
            let token = self.cursor.token(place).filter(|token| token.kind == TokenKind::Symbol);
            if token.is_none() || length > 1 && !self.cursor.is_adjacent(place - 1) {
                break;
            }
            found.push_str(self.cursor.text_at(place));
        }
        let fits = OPERATORS.iter().find(|operator| found.starts_with(**operator));
        let operator = fits.map_or_else(|| found.chars().take(1).collect(), |fits| (*fits).to_owned());
        (!operator.is_empty()).then(|| (operator.clone(), operator.len()))
    }

    /// An expression whose operators bind closer than a limit.
    fn expression(&mut self, limit: u8) -> Option<Node> {
        let depth = self.depth;
        self.depth += 1;
        let mut left = if self.depth > DEPTH { return None } else { self.operand()? };
        loop {
            let place = self.cursor.place();
            match self.continuation(left.clone(), limit)? {
                Some(node) if self.depth < DEPTH => left = node,
                Some(_) => return None,
                None => {
                    self.cursor.go_to(place);
                    self.depth = depth;
                    return Some(left);
                }
            }
            self.depth += 1;
        }
    }

    /// What follows an operand, with it; `Some(None)` where nothing follows that binds closer than the limit.
    #[allow(clippy::option_option)]
    fn continuation(&mut self, left: Node, limit: u8) -> Option<Option<Node>> {
        let infix = |reader: &mut Self, operator: &str, power: u8| -> Option<Option<Node>> {
            if power <= limit {
                return Some(None);
            }
            Some(Some(Node::infix(operator, left.clone(), reader.expression(power)?)))
        };
        if self.cursor.word("or") {
            return infix(self, "or", OR);
        }
        if self.cursor.word("and") {
            return infix(self, "and", AND);
        }
        if self.cursor.is_word("is") || self.cursor.is_word("isnull") || self.cursor.is_word("notnull") {
            return if limit >= IS { Some(None) } else { self.is(left).map(Some) };
        }
        let negated = self.cursor.word("not");
        for (word, operator) in [("like", "like"), ("ilike", "ilike"), ("glob", "glob"), ("regexp", "regexp")] {
            if self.cursor.word(word) {
                if limit >= LIKE {
                    return Some(None);
                }
                let mut arguments = vec![left, self.expression(LIKE)?];
                if self.cursor.word("escape") {
                    arguments.push(self.expression(LIKE)?);
                }
                return Some(Some(Node::Infix(operator.to_owned(), arguments).not_if(negated)));
            }
        }
        if self.cursor.word("in") {
            return if limit >= LIKE { Some(None) } else { self.member(left, negated).map(Some) };
        }
        if self.cursor.word("between") {
            if limit >= LIKE {
                return Some(None);
            }
            let low = self.expression(LIKE)?;
            if !self.cursor.word("and") {
                return None;
            }
            let high = self.expression(LIKE)?;
            let (low, high) = (Node::infix(">=", left.clone(), low), Node::infix("<=", left, high));
            return Some(Some(match negated {
                // As Postgres writes it out.
                true => Node::Infix("or".to_owned(), vec![negation(low), negation(high)]),
                false => Node::infix("and", low, high),
            }));
        }
        if negated {
            return Some(None);
        }
        if self.cursor.word("collate") {
            let collation = self.cursor.name()?.to_lowercase();
            return Some(Some(Node::Unary(format!("collate {collation}"), Box::new(left))));
        }
        if self.cursor.words(&["at", "time", "zone"]) {
            return infix(self, "at time zone", CLOSE);
        }
        let Some((operator, length)) = self.operator() else { return Some(None) };
        let step = |reader: &mut Self| (0..length).for_each(|_| reader.cursor.step());
        match operator.as_str() {
            "::" => {
                step(self);
                Some(Some(Node::Cast(Box::new(left), self.data_type()?)))
            }
            "[" => {
                step(self);
                let index = self.expression(0)?;
                self.cursor.symbol("]").then(|| Some(Node::Call("[]".to_owned(), vec![left, index])))
            }
            operator => match self.power(operator) {
                None => Some(None),
                Some(power) if power <= limit => Some(None),
                Some(power) => {
                    step(self);
                    self.compared(left, operator, power).map(Some)
                }
            },
        }
    }

    fn power(&self, operator: &str) -> Option<u8> {
        Some(match operator {
            "=" | "==" | "<>" | "!=" | "<" | ">" | "<=" | ">=" => COMPARISON,
            "~~" | "!~~" | "~~*" | "!~~*" => LIKE,
            "||" | "->" | "->>" if self.engine == Engine::Sqlite => CLOSE,
            "+" | "-" => SUM,
            "*" | "/" | "%" => PRODUCT,
            "^" => POWER,
            "(" | ")" | "," | ";" | "[" | "]" | "." | ":" | "?" | "$" => return None,
            _ => OTHER,
        })
    }

    /// What stands to the right of an operator, with the operator in its one spelling.
    fn compared(&mut self, left: Node, operator: &str, power: u8) -> Option<Node> {
        for (word, equal, negated) in [("any", "=", false), ("some", "=", false), ("all", "<>", true)] {
            if operator == equal && self.cursor.word(word) {
                let array = self.expression(power)?;
                return Some(match array.elements() {
                    Some(elements) => Node::list("in", left, elements).not_if(negated),
                    None => Node::Call(format!("{operator} {word}"), vec![left, array]),
                });
            }
        }
        let right = self.expression(power)?;
        Some(match operator {
            "==" => Node::infix("=", left, right),
            "!=" => Node::infix("<>", left, right),
            "~~" => Node::infix("like", left, right),
            "!~~" => Node::infix("like", left, right).not_if(true),
            "~~*" => Node::infix("ilike", left, right),
            "!~~*" => Node::infix("ilike", left, right).not_if(true),
            operator => Node::infix(operator, left, right),
        })
    }

    fn is(&mut self, left: Node) -> Option<Node> {
        if self.cursor.word("isnull") {
            return Some(Node::Unary("is null".to_owned(), Box::new(left)));
        }
        if self.cursor.word("notnull") {
            return Some(Node::Unary("is null".to_owned(), Box::new(left)).not_if(true));
        }
        self.cursor.word("is");
        let negated = self.cursor.word("not");
        if self.cursor.words(&["distinct", "from"]) {
            // IS NOT DISTINCT FROM is what SQLite writes as IS.
            return Some(Node::infix("is", left, self.expression(IS)?).not_if(!negated));
        }
        for word in ["null", "true", "false", "unknown"] {
            if self.cursor.word(word) {
                return Some(Node::Unary(format!("is {word}"), Box::new(left)).not_if(negated));
            }
        }
        Some(Node::infix("is", left, self.expression(IS)?).not_if(negated))
    }

    fn member(&mut self, left: Node, negated: bool) -> Option<Node> {
        if !self.cursor.is_symbol("(") {
            // As in `position(a IN b)`.
            return Some(Node::list("in", left, vec![self.expression(LIKE)?]).not_if(negated));
        }
        let elements = match self.query() {
            Some(query) => vec![query],
            None => self.arguments()?,
        };
        Some(Node::list("in", left, elements).not_if(negated))
    }

    /// A query in parentheses, if one comes next.
    fn query(&mut self) -> Option<Node> {
        let first = self.cursor.text_at(self.cursor.place() + 1).to_ascii_lowercase();
        if !self.cursor.is_symbol("(") || !["select", "with", "values"].contains(&first.as_str()) {
            return None;
        }
        let places = self.cursor.group()?;
        Some(Node::Leaf(format!("({})", tokens(self.cursor.text_of(places), self.engine))))
    }

    /// Expressions in parentheses, with commas between them or the words that some functions take instead.
    fn arguments(&mut self) -> Option<Vec<Node>> {
        let mut found = Vec::new();
        if !self.cursor.symbol("(") {
            return None;
        }
        if self.cursor.symbol(")") {
            return Some(found);
        }
        loop {
            if self.cursor.word("distinct") {
                found.push(Node::Leaf("distinct".to_owned()));
            }
            if self.cursor.symbol("*") {
                found.push(Node::Leaf("*".to_owned()));
            } else {
                found.push(self.expression(0)?);
            }
            if self.cursor.symbol(")") {
                return Some(found);
            }
            if !self.cursor.symbol(",") && !self.cursor.word("from") && !self.cursor.word("for") {
                return None;
            }
        }
    }

    fn operand(&mut self) -> Option<Node> {
        if let Some(query) = self.query() {
            return Some(query);
        }
        if self.cursor.is_symbol("(") {
            let mut elements = self.arguments()?;
            return Some(if elements.len() == 1 { elements.remove(0) } else { Node::Call("row".to_owned(), elements) });
        }
        for sign in ["-", "+", "~"] {
            if self.cursor.symbol(sign) {
                return Some(Node::Unary(sign.to_owned(), Box::new(self.expression(SIGN)?)));
            }
        }
        match self.cursor.peek().filter(|token| token.terminated)?.kind {
            TokenKind::String => {
                let text = self.cursor.peek_text();
                self.cursor.step();
                Some(Node::Leaf(string(text)))
            }
            TokenKind::QuotedName => self.name(),
            TokenKind::Word if self.cursor.peek_text().starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            TokenKind::Word => self.word(),
            TokenKind::Symbol if self.cursor.is_symbol(".") => self.number(),
            TokenKind::Symbol | TokenKind::Comment => None,
        }
    }

    fn number(&mut self) -> Option<Node> {
        let mut text = String::new();
        loop {
            text.push_str(&self.cursor.peek_text().to_lowercase());
            let place = self.cursor.place();
            self.cursor.step();
            let goes_on = match self.cursor.peek_text() {
                "." => true,
                "+" | "-" => text.ends_with('e') && !text.starts_with("0x"),
                _ => text.ends_with(['.', '+', '-']) && self.cursor.peek().is_some_and(|t| t.kind == TokenKind::Word),
            };
            if !goes_on || !self.cursor.is_adjacent(place) {
                let text = text.trim_end_matches('.');
                return Some(Node::Leaf(if text.starts_with('.') { format!("0{text}") } else { text.to_owned() }));
            }
        }
    }

    fn word(&mut self) -> Option<Node> {
        if self.cursor.word("not") {
            return Some(self.expression(NOT)?.not_if(true));
        }
        if self.cursor.word("case") {
            return self.case();
        }
        if self.cursor.word("cast") || self.cursor.word("try_cast") {
            if !self.cursor.symbol("(") {
                return None;
            }
            let inner = self.expression(0)?;
            let data_type = self.cursor.word("as").then(|| self.data_type()).flatten()?;
            return self.cursor.symbol(")").then(|| Node::Cast(Box::new(inner), data_type));
        }
        if self.cursor.word("exists") {
            return self.query().map(|query| Node::Call("exists".to_owned(), vec![query]));
        }
        if self.cursor.word("array") {
            if !self.cursor.symbol("[") {
                return None;
            }
            let mut elements = Vec::new();
            while !self.cursor.symbol("]") {
                elements.push(self.expression(0)?);
                if !self.cursor.symbol(",") && !self.cursor.is_symbol("]") {
                    return None;
                }
            }
            return Some(Node::Call("array".to_owned(), elements));
        }
        self.name()
    }

    fn case(&mut self) -> Option<Node> {
        let mut parts = Vec::new();
        if !self.cursor.is_word("when") {
            parts.push(self.expression(0)?);
        }
        while self.cursor.word("when") {
            parts.push(Node::Leaf("when".to_owned()));
            parts.push(self.expression(0)?);
            if !self.cursor.word("then") {
                return None;
            }
            parts.push(self.expression(0)?);
        }
        if self.cursor.word("else") {
            let otherwise = self.expression(0)?;
            // Without one it is NULL.
            if otherwise != Node::Leaf("null".to_owned()) {
                parts.extend([Node::Leaf("else".to_owned()), otherwise]);
            }
        }
        self.cursor.word("end").then(|| Node::Call("case".to_owned(), parts))
    }

    /// A name, with what it is qualified by, or a function, or a type before its text.
    fn name(&mut self) -> Option<Node> {
        let mut found = name(self.cursor.peek_text());
        self.cursor.step();
        while self.cursor.symbol(".") {
            let next = name(self.cursor.peek_text());
            self.cursor.step();
            found = if found == "pg_catalog" { next } else { format!("{found}.{next}") };
        }
        if ["timestamp", "time"].contains(&found.as_str()) && self.cursor.words(&["with", "time", "zone"]) {
            found.push_str(" with time zone");
        }
        if self.cursor.peek().is_some_and(|token| token.kind == TokenKind::String) {
            let text = string(self.cursor.peek_text());
            self.cursor.step();
            return Some(Node::Cast(Box::new(Node::Leaf(text)), types::normal(&found, self.engine)));
        }
        if self.cursor.is_symbol("(") {
            let arguments = self.arguments()?;
            return Some(Node::Call(found, arguments));
        }
        Some(match found.as_str() {
            "current_timestamp" => Node::Call(found, Vec::new()),
            _ => Node::Leaf(found),
        })
    }

    fn data_type(&mut self) -> Option<String> {
        let mut text = self.cursor.name()?;
        while self.cursor.symbol(".") {
            text = self.cursor.name()?;
        }
        for word in ["varying", "precision"] {
            if self.cursor.word(word) {
                text = format!("{text} {word}");
            }
        }
        if let Some(places) = self.cursor.group() {
            text = format!("{text}({})", self.cursor.text_of(places));
        }
        for words in [["with", "time", "zone"], ["without", "time", "zone"]] {
            if self.cursor.words(&words) {
                text = format!("{text} {}", words.join(" "));
            }
        }
        while self.cursor.symbol("[") {
            self.cursor.symbol("]");
            text.push_str("[]");
        }
        Some(types::normal(&text, self.engine))
    }
}

impl Node {
    fn list(name: &str, first: Self, rest: Vec<Self>) -> Self {
        Self::Call(name.to_owned(), std::iter::once(first).chain(rest).collect())
    }

    /// The elements of an array that is written out.
    fn elements(&self) -> Option<Vec<Self>> {
        match self {
            Self::Call(name, elements) if name == "array" => Some(elements.clone()),
            Self::Cast(inner, _) => inner.elements(),
            _ => None,
        }
    }
}

/// The opposite of a comparison.
fn negation(node: Node) -> Node {
    match node {
        Node::Infix(operator, operands) if operator == ">=" => Node::Infix("<".to_owned(), operands),
        Node::Infix(operator, operands) if operator == "<=" => Node::Infix(">".to_owned(), operands),
        node => node.not_if(true),
    }
}

/// A string in single quotes, whatever sort it was written as.
fn string(text: &str) -> String {
    match text.strip_prefix(['e', 'E']).filter(|rest| rest.starts_with('\'')) {
        Some(rest) if !rest.contains('\\') => rest.to_owned(),
        Some(rest) if !rest.replace("\\\\", "").contains('\\') => rest.replace("\\\\", "\\"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Engine::{DuckDb, Postgres, Sqlite};

    #[test]
    fn an_engine_may_write_an_expression_in_its_own_words() {
        for (written, postgres) in [
            ("environment IN ('dev', 'staging')", "(environment = ANY (ARRAY['dev'::text, 'staging'::text]))"),
            (
                "status IN ('a', 'b')",
                "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            ),
            ("kind NOT IN ('a','b')", "(kind <> ALL (ARRAY['a'::text, 'b'::text]))"),
            ("kind in ('a')", "(kind = 'a'::text)"),
            ("singleton = 1", "(singleton = 1)"),
            ("a > 0 AND b > 0 and (c > 0 OR d)", "((a > 0) AND (b > 0) AND ((c > 0) OR d))"),
            ("\"Age\" BETWEEN 1 AND 2 AND b", "(((\"Age\" >= 1) AND (\"Age\" <= 2)) AND b)"),
            ("a NOT BETWEEN 1 AND 2", "((a < 1) OR (a > 2))"),
            ("price >= 0.5", "(price >= 0.5)"),
            ("price > -1", "(price > ('-1'::integer)::numeric)"),
            ("price > 0", "(price > (0)::numeric)"),
            ("name LIKE 'a%' AND NOT b", "((name ~~ 'a%'::text) AND (NOT b))"),
            ("name NOT LIKE 'a%'", "(name !~~ 'a%'::text)"),
            ("a != b", "(a <> b)"),
            ("a IS NOT NULL OR b IS NULL", "((a IS NOT NULL) OR (b IS NULL))"),
            ("length(name) <= 20", "(length((name)::text) <= 20)"),
            ("CAST(body AS TEXT) <> ''", "((body)::text <> ''::text)"),
            ("body ->> 'title' = 'x'", "((body ->> 'title'::text) = 'x'::text)"),
            ("a || b || c <> ''", "(((a || b) || c) <> ''::text)"),
            ("starts < DATE '2020-01-01'", "(starts < '2020-01-01'::date)"),
            ("case when a then 1 else 2 end = 1", "(\nCASE\n    WHEN a THEN 1\n    ELSE 2\nEND = 1)"),
            ("lower(name)", "lower(name)"),
            ("coalesce(a, 'x', b) = 'it''s'", "(COALESCE(a, 'x'::text, b) = 'it''s'::text)"),
            ("a = TRUE AND b = false", "((a = true) AND (b = false))"),
            ("extract(year from d) > 2000", "(EXTRACT(year FROM d) > (2000)::numeric)"),
            ("-a * 2 + 1 < 3", "((((- a) * 2) + 1) < 3)"),
            ("position('@' in email) > 1", "(POSITION(('@'::text) IN (email)) > 1)"),
            ("starts < CURRENT_TIMESTAMP", "(starts < now())"),
            ("a = 'b' -- comment", "(a = 'b'::text)"),
        ] {
            assert!(
                same((written, Sqlite), (postgres, Postgres)),
                "{written}\n{:?}\n{:?}",
                normal(written, Sqlite, false),
                normal(postgres, Postgres, false)
            );
        }
        for (written, duckdb) in [
            ("a IN ('x', 'y')", "(a IN ('x', 'y'))"),
            ("a = TRUE", "(a = CAST('t' AS BOOLEAN))"),
            ("price > -1", "(price > -1)"),
        ] {
            assert!(same((written, Sqlite), (duckdb, DuckDb)), "{written}");
        }
        assert!(same(("A  >\n(0)", Sqlite), ("\"a\">0", Sqlite)));
    }

    #[test]
    fn what_means_something_else_is_different() {
        for (one, other) in [
            ("a > 0", "a >= 0"),
            ("a IN ('x', 'y')", "a IN ('x', 'z')"),
            ("a = 'X'", "a = 'x'"),
            ("a AND b OR c", "a AND (b OR c)"),
            ("NOT a = b", "a = b"),
            ("NOT (a AND b)", "NOT a AND b"),
            ("a - (b - c)", "a - b - c"),
            ("a = '1'", "a = 1"),
            ("a LIKE 'x'", "a NOT LIKE 'x'"),
            ("a IS NULL", "a IS NOT NULL"),
            ("CAST(a AS INTEGER) = 1", "CAST(a AS TEXT) = 1"),
            ("lower(a)", "upper(a)"),
            ("a", "b"),
            ("case when a then 1 end", "case when a then 2 end"),
        ] {
            assert!(!same((one, Sqlite), (other, Sqlite)), "{one} {other}");
        }
        // `||` binds closer than `+` on SQLite, and looser on Postgres.
        assert!(!same(("a || b + c = d", Sqlite), ("((a || (b + c)) = d)", Postgres)));
    }

    #[test]
    fn defaults_are_what_the_column_makes_of_them() {
        let same = |one, other, data_type| same_default((one, Sqlite), (other, Postgres), data_type);
        for (written, postgres, data_type) in [
            (Some("'x'"), Some("'x'::character varying"), "VARCHAR(3)"),
            (Some("0"), Some("'0'::bigint"), "BIGINT"),
            (Some("-1"), Some("'-1'::integer"), "INTEGER"),
            (Some("'1.5'"), Some("1.5"), "DECIMAL(10, 2)"),
            (Some("FALSE"), Some("false"), "BOOLEAN"),
            (Some("1"), Some("true"), "BOOLEAN"),
            (Some("CURRENT_TIMESTAMP"), Some("now()"), "TIMESTAMPTZ"),
            (Some("NULL"), Some("NULL::text"), "TEXT"),
            (None, Some("NULL::text"), "TEXT"),
            (Some("(1 + 1)"), Some("(1 + 1)"), "INTEGER"),
        ] {
            assert!(same(written, postgres, data_type), "{written:?} {postgres:?}");
        }
        for (one, other, data_type) in [
            (Some("'x'"), Some("'y'::text"), "TEXT"),
            (Some("'0'"), Some("0"), "TEXT"),
            (None, Some("0"), "INTEGER"),
            (Some("1"), Some("0"), "BOOLEAN"),
        ] {
            assert!(!same(one, other, data_type), "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_compared_as_it_is_written() {
        let deep = format!("{}a{}", "(".repeat(5000), ")".repeat(5000));
        let long = format!("a{}", " + 1".repeat(5000));
        for text in ["a b", "f(a) OVER (x)", "((", "CASE a", "'a", deep.as_str(), long.as_str()] {
            assert_eq!(normal(text, Postgres, false), None, "{text}");
            assert!(same((text, Sqlite), (text, Postgres)), "{text}");
        }
    }
}
