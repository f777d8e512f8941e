//! The type of an expression, as far as its text and the columns tell.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::session::{Session, UserType};
use super::types::{self, DataType};
use super::{defaults, tree};

/// Types of texts.
const STRINGS: [&str; 3] = ["text", "varchar", "char"];

/// Functions that give a text for a text.
const TEXTUAL: [&str; 20] = [
    "btrim",
    "initcap",
    "left",
    "lower",
    "lpad",
    "ltrim",
    "md5",
    "normalize",
    "overlay",
    "regexp_replace",
    "repeat",
    "replace",
    "reverse",
    "right",
    "rpad",
    "rtrim",
    "split_part",
    "substr",
    "translate",
    "upper",
];

/// Where an expression stands.
pub(super) struct Scope<'a> {
    pub(super) session: &'a Session<'a>,
    /// The major version of the server.
    pub(super) version: u32,
    /// The type of a column that expressions can name.
    pub(super) column: &'a dyn Fn(&str) -> Option<DataType>,
}

impl Scope<'_> {
    /// The type of an expression, that of a domain for the domain; nothing where it is not known for sure, or where the server
    /// chooses it, as it does for a string.
    pub(super) fn type_of(&self, expression: &SyntaxNode) -> Option<DataType> {
        let expression = tree::inner(expression.clone());
        let data_type = match expression.kind() {
            K::NAME_REF => (self.column)(&tree::name(&expression))?,
            // Of a table; what stands in parentheses has fields of its own.
            K::FIELD_EXPR if expression.children().all(|part| part.kind() == K::NAME_REF) => {
                (self.column)(&tree::column(&expression)?)?
            }
            K::CAST_EXPR => DataType::parse(&tree::words(&types::type_node(&expression)?)),
            K::BIN_EXPR => self.operated(&expression)?,
            K::CALL_EXPR => self.called(&expression)?,
            _ => return None,
        };
        match self.session.type_of_name(&data_type.name) {
            Some(UserType::Domain(domain)) if !data_type.array => domain.base.clone(),
            _ => Some(data_type),
        }
    }

    /// Whether an expression is a text, or a string that the server takes for one beside another type.
    pub(super) fn is_text(&self, expression: &SyntaxNode) -> bool {
        is_literal(expression) || self.type_of(expression).is_some_and(|data_type| is_string(&data_type))
    }

    /// Whether a type is an enum.
    pub(super) fn is_enum(&self, data_type: &DataType) -> bool {
        matches!(self.session.type_of_name(&data_type.name), Some(UserType::Enum(_)))
    }

    /// Whether a call is of a function that comes with the server, as far as the name tells.
    pub(super) fn is_servers(&self, call: &SyntaxNode, name: &str) -> bool {
        let session = self.session;
        defaults::is_builtin(call) && session.routine(name).is_none() && session.is_mutable(name).is_none()
    }

    fn operated(&self, expression: &SyntaxNode) -> Option<DataType> {
        let (left, operator, right) = operands(expression)?;
        let (own, other) = (self.type_of(&left), self.type_of(&right));
        let names = [&own, &other].map(|side| side.as_ref().filter(|side| !side.array).map(|side| side.name.as_str()));
        let name = match (operator.as_str(), names) {
            ("->>" | "#>>", _) => "text",
            ("||", _) if self.is_concatenated(&left, &right).is_some() => "text",
            ("||", [Some(own), _]) if STRINGS.contains(&own) && self.is_text(&right) => "text",
            ("||", [_, Some(other)]) if STRINGS.contains(&other) && self.is_text(&left) => "text",
            ("attimezone", [Some("timestamptz"), _]) => "timestamp",
            ("attimezone", [Some("timestamp" | "date"), _]) => "timestamptz",
            ("+" | "-", [Some("date"), Some("integer")]) => "date",
            ("+" | "-", [Some("date"), Some("interval")]) => "timestamp",
            ("+" | "-", [Some(moment @ ("timestamp" | "timestamptz")), Some("interval")]) => moment,
            ("-", [Some("timestamp"), Some("timestamp")] | [Some("timestamptz"), Some("timestamptz")]) => "interval",
            _ => return None,
        };
        Some(DataType::parse(name))
    }

    /// What is put into a text beside a text: the server casts it to text.
    pub(super) fn is_concatenated(&self, left: &SyntaxNode, right: &SyntaxNode) -> Option<DataType> {
        // Others have an operator of that name for themselves.
        const CAST: [&str; 18] = [
            "bigint",
            "boolean",
            "cidr",
            "date",
            "float4",
            "float8",
            "inet",
            "integer",
            "interval",
            "macaddr",
            "money",
            "numeric",
            "smallint",
            "time",
            "timestamp",
            "timestamptz",
            "timetz",
            "uuid",
        ];
        let is_cast = |side: &DataType| !side.array && (CAST.contains(&side.name.as_str()) || self.is_enum(side));
        [(left, right), (right, left)]
            .into_iter()
            .find_map(|(text, other)| self.type_of(other).filter(|side| is_cast(side) && self.is_text(text)))
    }

    fn called(&self, call: &SyntaxNode) -> Option<DataType> {
        let name = defaults::called(call)?;
        let arguments = arguments(call);
        let first = arguments.first()?;
        if !self.is_servers(call, &name) {
            return None;
        }
        match name.as_str() {
            name if TEXTUAL.contains(&name) => self.type_of(first).filter(is_string).map(|_| DataType::parse("text")),
            "coalesce" | "greatest" | "least" => {
                let mut types =
                    arguments.iter().filter(|argument| !is_literal(argument)).map(|part| self.type_of(part));
                let data_type = types.next()??;
                types.all(|other| other.as_ref() == Some(&data_type)).then_some(data_type)
            }
            "date" => Some(DataType::parse("date")),
            "date_trunc" => {
                let name = match self.type_of(arguments.get(1)?)?.name.as_str() {
                    "timestamp" => "timestamp",
                    "timestamptz" | "date" => "timestamptz",
                    _ => return None,
                };
                Some(DataType::parse(name))
            }
            _ => None,
        }
    }
}

/// Whether a type is one of texts.
pub(super) fn is_string(data_type: &DataType) -> bool {
    !data_type.array && STRINGS.contains(&data_type.name.as_str())
}

/// Whether an expression is a string or NULL, of which the server chooses the type.
pub(super) fn is_literal(expression: &SyntaxNode) -> bool {
    let expression = tree::inner(expression.clone());
    let words = tree::words(&expression);
    expression.kind() == K::LITERAL && (words.contains(['\'', '$']) || words == "null")
}

/// Both sides of an operator, and the operator without blanks.
pub(super) fn operands(expression: &SyntaxNode) -> Option<(SyntaxNode, String, SyntaxNode)> {
    let (left, right) = (expression.children().next()?, expression.children().last()?);
    let between = left.text_range().end()..right.text_range().start();
    let tokens = tree::all_tokens(expression).filter(|token| between.contains(&token.text_range().start()));
    let operator: String = tokens.map(|token| token.text().to_ascii_lowercase()).collect();
    (left != right).then_some((left, operator, right))
}

/// The arguments of a call.
pub(super) fn arguments(call: &SyntaxNode) -> Vec<SyntaxNode> {
    let list = tree::child(call, K::ARG_LIST);
    let arguments = list.iter().flat_map(SyntaxNode::children).filter(|argument| argument.kind() == K::ARG);
    arguments.filter_map(|argument| argument.children().next()).collect()
}
