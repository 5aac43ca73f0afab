//! Feature specifications: `mfcc(n_mfcc=13)`, `delta(logmel, order=2)`, `name=rms(hop_length=160)`.
//!
//! The text form is the canonical one: command line, configuration and digest use it.

use crate::error::{Code, Error, Result};
use std::fmt;

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Not given.
    None,
    /// Yes or no.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Number.
    Float(f64),
    /// Name.
    Str(String),
    /// Several numbers.
    Floats(Vec<f64>),
    /// Several names.
    Names(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("none"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(i) => write!(f, "{i}"),
            Value::Float(x) => write!(f, "{x:?}"),
            Value::Str(s) => f.write_str(s),
            Value::Floats(xs) => {
                let parts: Vec<String> = xs.iter().map(|x| format!("{x:?}")).collect();
                write!(f, "[{}]", parts.join(", "))
            }
            Value::Names(names) => write!(f, "[{}]", names.join(", ")),
        }
    }
}

/// What values a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Yes or no.
    Bool,
    /// Whole number from, to (inclusive).
    Int(i64, i64),
    /// As `Int`, or none.
    OptInt(i64, i64),
    /// Number from, to (inclusive).
    Float(f64, f64),
    /// As `Float`, or none.
    OptFloat(f64, f64),
    /// One of these names.
    Choice(&'static [&'static str]),
    /// One of these names, or none.
    OptChoice(&'static [&'static str]),
    /// One of these names, or the samples themselves.
    Window(&'static [&'static str]),
    /// Several numbers, or none.
    OptFloats,
    /// Several names, or none.
    OptNames,
}

/// A default value, in a form that a constant can hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// No value.
    None,
    /// Yes or no.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Number.
    Float(f64),
    /// Name.
    Str(&'static str),
}

impl Default {
    /// The default as a value.
    pub fn value(self) -> Value {
        match self {
            Default::None => Value::None,
            Default::Bool(b) => Value::Bool(b),
            Default::Int(i) => Value::Int(i),
            Default::Float(x) => Value::Float(x),
            Default::Str(s) => Value::Str(s.to_owned()),
        }
    }
}

/// A parameter of a catalogue entry.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Name, as the convention's own package calls it.
    pub name: &'static str,
    /// Values it takes.
    pub kind: Kind,
    /// Value if not given.
    pub default: Default,
    /// Unit, or empty.
    pub unit: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

impl Param {
    /// `value` in the form that the parameter stores, or what is wrong with it.
    pub fn accept(&self, owner: &str, value: Value) -> Result<Value> {
        let wrong = |allowed: String| {
            let message = format!("{owner}: {} = {value}; allowed: {allowed}", self.name);
            Error::new(Code::BadParameter, message)
        };
        let whole = |x: &Value| match x {
            Value::Int(i) => Some(*i),
            Value::Float(x) if x.fract() == 0.0 && x.abs() < 1e15 => Some(*x as i64),
            _ => None,
        };
        let number = |x: &Value| match x {
            Value::Int(i) => Some(*i as f64),
            Value::Float(x) => Some(*x),
            _ => None,
        };
        let span = |low: f64, high: f64| {
            if high >= 1e15 { format!("from {low}") } else { format!("{low} to {high}") }
        };
        match self.kind {
            Kind::Bool => match &value {
                Value::Bool(_) => Ok(value),
                _ => Err(wrong("true, false".into())),
            },
            Kind::OptInt(..)
            | Kind::OptFloat(..)
            | Kind::OptChoice(_)
            | Kind::OptFloats
            | Kind::OptNames
                if value == Value::None =>
            {
                Ok(value)
            }
            Kind::Int(low, high) | Kind::OptInt(low, high) => match whole(&value) {
                Some(i) if (low..=high).contains(&i) => Ok(Value::Int(i)),
                _ => Err(wrong(format!("whole numbers, {}", span(low as f64, high as f64)))),
            },
            Kind::Float(low, high) | Kind::OptFloat(low, high) => match number(&value) {
                Some(x) if (low..=high).contains(&x) => Ok(Value::Float(x)),
                _ => Err(wrong(format!("numbers, {}", span(low, high)))),
            },
            Kind::Choice(names) | Kind::OptChoice(names) => match &value {
                Value::Str(s) if names.contains(&s.as_str()) => Ok(value),
                _ => Err(wrong(names.join(", "))),
            },
            Kind::Window(names) => match &value {
                Value::Str(s) if names.contains(&s.as_str()) => Ok(value),
                Value::Floats(w) if !w.is_empty() && w.iter().all(|x| x.is_finite()) => Ok(value),
                _ => Err(wrong(format!("{}, or the window's samples", names.join(", ")))),
            },
            Kind::OptFloats => match &value {
                Value::Floats(_) => Ok(value),
                _ => Err(wrong("a list of numbers, none".into())),
            },
            Kind::OptNames => match value {
                Value::Str(name) => Ok(Value::Names(vec![name])),
                Value::Names(_) => Ok(value),
                _ => Err(wrong("a list of names, none".into())),
            },
        }
    }
}

/// Parameters by name, as given.
pub type Given = Vec<(String, Value)>;

/// All parameters of a catalogue entry, validated, defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Args {
    owner: &'static str,
    values: Vec<(&'static str, Value, bool)>,
}

impl Args {
    /// Checks `given` against `params`.
    pub fn new(owner: &'static str, params: &[&'static [Param]], given: &Given) -> Result<Self> {
        let all = || params.iter().flat_map(|p| p.iter());
        for (at, (name, _)) in given.iter().enumerate() {
            if !all().any(|p| p.name == name) {
                let names: Vec<&str> = all().map(|p| p.name).collect();
                let message = format!(
                    "{owner} has no parameter '{name}'{}; it has {}",
                    did_you_mean(name, &names),
                    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
                );
                return Err(Error::new(Code::UnknownName, message));
            }
            if given[..at].iter().any(|(n, _)| n == name) {
                let message = format!("{owner}: parameter '{name}' is given twice");
                return Err(Error::new(Code::BadParameter, message));
            }
        }
        let mut values = Vec::new();
        for param in all() {
            let own = given.iter().find(|(n, _)| n == param.name).map(|(_, v)| v.clone());
            let value = match own {
                Some(value) => param.accept(owner, value)?,
                None => param.default.value(),
            };
            let set = value != param.default.value();
            values.push((param.name, value, set));
        }
        Ok(Self { owner, values })
    }

    fn get(&self, name: &str) -> &Value {
        const NONE: &Value = &Value::None;
        self.values.iter().find(|(n, ..)| *n == name).map_or(NONE, |(_, v, _)| v)
    }

    /// Whether the parameter has another value than its default.
    pub fn is_set(&self, name: &str) -> bool {
        self.values.iter().any(|(n, _, set)| *n == name && *set)
    }

    /// A yes-or-no parameter.
    pub fn bool(&self, name: &str) -> bool {
        *self.get(name) == Value::Bool(true)
    }

    /// A whole number that may be missing.
    pub fn opt_int(&self, name: &str) -> Option<usize> {
        match self.get(name) {
            Value::Int(i) => usize::try_from(*i).ok(),
            _ => None,
        }
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> usize {
        self.opt_int(name).unwrap_or_default()
    }

    /// A number that may be missing.
    pub fn opt_float(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Value::Float(x) => Some(*x),
            Value::Int(i) => Some(*i as f64),
            _ => None,
        }
    }

    /// A number.
    pub fn float(&self, name: &str) -> f64 {
        self.opt_float(name).unwrap_or_default()
    }

    /// A name; empty if missing.
    pub fn str(&self, name: &str) -> &str {
        match self.get(name) {
            Value::Str(s) => s,
            _ => "",
        }
    }

    /// Several numbers, if given.
    pub fn floats(&self, name: &str) -> Option<&[f64]> {
        match self.get(name) {
            Value::Floats(xs) => Some(xs),
            _ => None,
        }
    }

    /// Several names, if given.
    pub fn names(&self, name: &str) -> Option<&[String]> {
        match self.get(name) {
            Value::Names(names) => Some(names),
            _ => None,
        }
    }

    /// An error about these parameters.
    pub fn error(&self, message: impl fmt::Display) -> Error {
        Error::new(Code::BadParameter, format!("{}: {message}", self.owner))
    }
}

/// A feature or a transform of a feature, as asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Name under which the result is stored, if given.
    pub alias: Option<String>,
    /// Name in the catalogue.
    pub name: String,
    /// The feature that a transform works on.
    pub inner: Option<Box<Spec>>,
    /// Parameters as given.
    pub given: Given,
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(alias) = &self.alias {
            write!(f, "{alias}=")?;
        }
        f.write_str(&self.name)?;
        let mut parts: Vec<String> = self.inner.iter().map(ToString::to_string).collect();
        let mut given: Vec<String> = self.given.iter().map(|(k, v)| format!("{k}={v}")).collect();
        given.sort();
        parts.append(&mut given);
        if parts.is_empty() { Ok(()) } else { write!(f, "({})", parts.join(", ")) }
    }
}

impl Spec {
    /// Reads one specification.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { text, at: 0 };
        let spec = parser.spec(true)?;
        parser.space();
        if parser.at < text.len() { Err(parser.wrong("the end")) } else { Ok(spec) }
    }

    /// Reads specifications separated by commas outside parentheses.
    pub fn parse_list(text: &str) -> Result<Vec<Self>> {
        let mut parser = Parser { text, at: 0 };
        let mut specs = vec![parser.spec(true)?];
        while parser.eat(',') {
            specs.push(parser.spec(true)?);
        }
        parser.space();
        if parser.at < text.len() { Err(parser.wrong("',' or the end")) } else { Ok(specs) }
    }

    /// The name under which the result is stored: the alias, or the names from inside out.
    pub fn key(&self) -> String {
        match (&self.alias, &self.inner) {
            (Some(alias), _) => alias.clone(),
            (None, None) => self.name.clone(),
            (None, Some(inner)) => {
                let order = self.given.iter().find(|(k, _)| k == "order").map(|(_, v)| v);
                let suffix = match order {
                    Some(order) if *order != Value::Int(1) => order.to_string(),
                    _ => String::new(),
                };
                format!("{}_{}{suffix}", inner.key(), self.name)
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, c: char) -> bool {
        self.space();
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn wrong(&self, expected: &str) -> Error {
        let message = format!(
            "feature '{}': expected {expected} at '{}'; a feature reads name(parameter=value, ...), \
             for example mfcc(n_mfcc=13)",
            self.text,
            self.rest()
        );
        Error::new(Code::BadParameter, message)
    }

    fn word(&mut self) -> Option<String> {
        self.space();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = self.rest().find(|c| !is_word(c)).unwrap_or(self.rest().len());
        let word = self.rest()[..length].to_owned();
        self.at += length;
        (!word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit())).then_some(word)
    }

    fn spec(&mut self, may_have_alias: bool) -> Result<Spec> {
        let name = self.word().ok_or_else(|| self.wrong("a name"))?;
        if may_have_alias && self.eat('=') {
            let spec = self.spec(false)?;
            return Ok(Spec { alias: Some(name), ..spec });
        }
        let mut spec = Spec { alias: None, name, inner: None, given: Vec::new() };
        if self.eat('(') {
            while !self.eat(')') {
                self.argument(&mut spec)?;
                if !self.eat(',') && !self.rest().starts_with(')') {
                    return Err(self.wrong("',' or ')'"));
                }
            }
        }
        Ok(spec)
    }

    fn argument(&mut self, spec: &mut Spec) -> Result<()> {
        let start = self.at;
        let name = self.word().ok_or_else(|| self.wrong("a parameter"))?;
        if self.eat('=') {
            let value = self.value()?;
            spec.given.push((name, value));
        } else {
            if spec.inner.is_some() || !spec.given.is_empty() {
                return Err(self.wrong("'=' and a value"));
            }
            self.at = start;
            spec.inner = Some(Box::new(self.spec(false)?));
        }
        Ok(())
    }

    fn value(&mut self) -> Result<Value> {
        if self.eat('[') {
            let (mut xs, mut names) = (Vec::new(), Vec::new());
            while !self.eat(']') {
                match self.value()? {
                    Value::Int(i) if names.is_empty() => xs.push(i as f64),
                    Value::Float(x) if names.is_empty() => xs.push(x),
                    Value::Str(name) if xs.is_empty() => names.push(name),
                    _ => return Err(self.wrong("numbers or names, not both,")),
                }
                if !self.eat(',') && !self.rest().starts_with(']') {
                    return Err(self.wrong("',' or ']'"));
                }
            }
            return Ok(if names.is_empty() { Value::Floats(xs) } else { Value::Names(names) });
        }
        self.space();
        for quote in ['"', '\''] {
            if self.rest().starts_with(quote) {
                let inner = &self.rest()[1..];
                let end = inner.find(quote).ok_or_else(|| self.wrong("a closing quote"))?;
                let text = inner[..end].to_owned();
                self.at += end + 2;
                return Ok(Value::Str(text));
            }
        }
        let end = self.rest().find([',', ')', ']']).unwrap_or(self.rest().len());
        let text = self.rest()[..end].trim().to_owned();
        if text.is_empty() {
            return Err(self.wrong("a value"));
        }
        self.at += end;
        Ok(match text.as_str() {
            "none" | "None" | "null" => Value::None,
            "true" | "True" => Value::Bool(true),
            "false" | "False" => Value::Bool(false),
            _ => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(i), _) => Value::Int(i),
                (_, Ok(x)) => Value::Float(x),
                _ => Value::Str(text),
            },
        })
    }
}

/// ` (did you mean 'x'?)` for the nearest of `names`, or nothing if none is near.
pub fn did_you_mean(word: &str, names: &[&str]) -> String {
    let nearest = names.iter().map(|name| (distance(word, name), name)).min();
    match nearest {
        Some((d, name)) if d <= 1 + word.len().max(name.len()) / 4 => {
            format!(" (did you mean '{name}'?)")
        }
        _ => String::new(),
    }
}

/// Edits from `a` to `b`: insertions, deletions, substitutions (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let best = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        for text in [
            "logmel",
            "mfcc(n_mfcc=13)",
            "delta(mfcc(htk=true, n_mfcc=13), order=2)",
            "x=rms(hop_length=160)",
            "cmvn(logmel, mean=[1.0, -2.5])",
            "functionals(rms, names=[amean, iqr1-3, percentile99.0])",
            "logmel(fmax=none, fmin=20.5, window=hamming)",
        ] {
            assert_eq!(Spec::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Spec::parse_list("logmel, mfcc(n_mfcc=13,lifter=22) ,rms").unwrap().len(), 3);
    }

    #[test]
    fn keys_follow_the_nesting() {
        let key = |text| Spec::parse(text).unwrap().key();
        assert_eq!(key("delta(mfcc)"), "mfcc_delta");
        assert_eq!(key("delta(mfcc, order=2)"), "mfcc_delta2");
        assert_eq!(key("d=delta(mfcc)"), "d");
    }

    #[test]
    fn mistakes_are_named() {
        for text in [
            "",
            "mfcc(",
            "mfcc(n_mfcc)",
            "mfcc(n_mfcc=)",
            "a=b=c",
            "mfcc)",
            "1x",
            "mfcc(n_mfcc=1 n=2",
        ] {
            let spec = Spec::parse(text);
            assert!(spec.is_err() || spec.unwrap().inner.is_some(), "{text}");
        }
        assert_eq!(did_you_mean("logmell", &["logmel", "mfcc"]), " (did you mean 'logmel'?)");
        assert_eq!(did_you_mean("qqqq", &["logmel", "mfcc"]), "");
    }
}
