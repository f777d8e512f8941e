//! Reading an expression into its tree, with the precedences of its engine.

use super::cursor::Cursor;
use super::expression::{self, Node, name, tokens};
use super::types;
use crate::engine::Engine;
use crate::engine::lexer::TokenKind;

/// Reads a whole expression; nothing where it cannot be read.
pub(super) fn read(text: &str, engine: Engine) -> Option<Node> {
    let mut reader = Reader { cursor: Cursor::new(text, engine), engine, depth: 0 };
    let node = reader.expression(0)?;
    reader.cursor.is_at_end().then_some(node)
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
        let null = || Node::Leaf("null".to_owned());
        if self.cursor.word("isnull") {
            return Some(Node::infix("is", left, null()));
        }
        if self.cursor.word("notnull") {
            return Some(Node::infix("is", left, null()).not_if(true));
        }
        self.cursor.word("is");
        let negated = self.cursor.word("not");
        if self.cursor.words(&["distinct", "from"]) {
            // IS NOT DISTINCT FROM is what SQLite writes as IS.
            return Some(Node::infix("is", left, self.expression(IS)?).not_if(!negated));
        }
        for (word, value) in [("null", "null"), ("unknown", "null"), ("true", "true"), ("false", "false")] {
            if self.cursor.word(word) {
                return Some(Node::infix("is", left, Node::Leaf(value.to_owned())).not_if(negated));
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
                return Some(Node::Leaf(expression::number(text).unwrap_or_else(|| text.to_owned())));
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
        let subject = if self.cursor.is_word("when") { None } else { Some(self.expression(0)?) };
        while self.cursor.word("when") {
            let condition = self.expression(0)?;
            // As DuckDB writes it out.
            parts.push(match &subject {
                Some(subject) => Node::infix("=", subject.clone(), condition),
                None => condition,
            });
            if !self.cursor.word("then") {
                return None;
            }
            parts.push(self.expression(0)?);
        }
        if self.cursor.word("else") {
            let otherwise = self.expression(0)?;
            // Without one it is NULL, of some type.
            if !otherwise.is_null() {
                parts.push(otherwise);
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
        if (found == "trim" || found == "btrim") && self.cursor.is_symbol("(") {
            return self.trim();
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

    /// What stands behind TRIM: which side, what is cut off, and of what, in the words of the standard or as a function.
    fn trim(&mut self) -> Option<Node> {
        let start = self.cursor.place();
        if !self.cursor.symbol("(") {
            return None;
        }
        let sides = [("both", "trim"), ("leading", "ltrim"), ("trailing", "rtrim")];
        let side = sides.into_iter().find(|(word, _)| self.cursor.word(word)).map(|(_, function)| function);
        let what = if self.cursor.is_word("from") { None } else { Some(self.expression(0)?) };
        if !self.cursor.word("from") {
            self.cursor.go_to(start);
            return Some(Node::Call(side.unwrap_or("trim").to_owned(), self.arguments()?));
        }
        let arguments = std::iter::once(self.expression(0)?).chain(what).collect();
        self.cursor.symbol(")").then(|| Node::Call(side.unwrap_or("trim").to_owned(), arguments))
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
