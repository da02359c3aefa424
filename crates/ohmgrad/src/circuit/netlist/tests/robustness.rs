//! Nothing that is read may panic, hang or exhaust the memory.

use std::fmt::Write;

use super::*;
use proptest::prelude::*;

/// A netlist with everything in it.
const EVERYTHING: &str = "Everything
.param k=2 w={k*3} z='w+sqrt(4)/pow(2,k)'
.options temp=40 gmin=1e-13 reltol=1e-6
.temp {20+k}
.global vdd
V1 in 0 DC 5 AC 1
V2 vdd 0 SIN(1 2 1k 0 0 90)
I1 0 in PULSE(1m 2m) m=2
R1 in (out) 1k
+ m={k}
R2 out 0 '2*k' ; comment
C1 in 0 1u
L1 in x 1m $ comment
D1 out 0 junction 2 off
D2 out 0 ideal m=3
A1 %gd(x 0) side
.model junction D(IS=1e-12 N=1.5 RS={k} XTI=3 EG=1.11 TNOM=27 CJO=1p)
.model ideal D(Ron=0 Roff=inf Vfwd=0.6)
.model side sidiode(Ron=1m Roff=1meg)
G1 in out TABLE {V(in,out)} = (-1,-1m) (0,0) (1,2m)
B1 in out I={k}*tanh(V(in,out)/{w})
B2 in 0 I=3m*pwr(V(in),2)
B3 in 0 I=pwl(V(in,0), 0,0, 1,1m)
X1 in out cell params: r=3k m=2
R3 in 0 4k7 tc=1m,2u dtemp=10 tol=1%
R4 in 0 sheet l=10u w=2u
L2 in 0 1m Rser=0.5 Rpar=1k
C2 in 0 1u Rpar=1k
K1 L1 L2 0.9
V3 y 0 SINE(1 2 1k -1m) Rser=1
I2 0 y 1m load Rpar=1k
I3 0 y tbl=(0,0,1,1m)
V4 $N_1 0 {1<2?f(3):p%2}
R5 $N_1 Net-(D1-A) 1k
D3 in 0 real temp=50
D4 in 0 lt
B4 in 0 I=1m+V(in)/1k+1m*sinh(V(in))+V(in)*V(in)*V(in)/1k+atan(V(in)-1)-exp(-V(in)) m=2
B5 z 0 V=2
G2 in z in z 1m
E1 w 0 in z {k}
E2 w2 0 POLY(2) in 0 z 0 1 2 3
E3 w3 0 VALUE={1+2*V(in,z)-I(V1)/3}
F1 in 0 V1 2 m=2
G4 in 0 out 0 -1m
H1 w4 0 CCVS V1 50
B6 w5 0 V=2*V(in)
B7 in 0 I=f(V(z)-V(w))*1m
G3 in 0 VALUE={V(in)/1k}
R6 z 0 1
.func f(x) {x*w+temper}
.param p=5 s='p+1' q=\"text\"
.model real D(IS=1f BV=50 IBV=1m IKF=1 ISR=1n NR=2 M=0.3 VJ=0.6 TRS1=1m)
.model lt D(Ron=1 Roff=1meg Vfwd=0.5 Vrev=10 epsilon=0.1 ilimit=1 revilimit=1 revepsilon=0.1)
.model sheet R(rsh=50 narrow=0.1u tc1=1m)
.tran 1m
.step param p list 1 2
.subckt cell a b r=1k
.param local={r*2}
R1 a n {local}
X1 n b inner
.subckt inner a b
R1 a b 1
R2 a vdd 2
.ends inner
.ends
*!ohmgrad element r1 Load
*!ohmgrad node x X
*!ohmgrad model junction nvt=0.03
.control
op
print all
.endc
.op
.end
";

#[test]
fn everything_is_read() {
    let netlist = parse(EVERYTHING, "everything.cir").unwrap_or_else(|errors| panic!("{errors}"));
    // Two of them are resistors of sources.
    assert_eq!(netlist.circuit.elements().len(), 49);
    assert_eq!(netlist.ignored.len(), 4);
}

/// Reads a netlist with little room, and renders what is wrong with it.
fn survive(text: String) {
    let options = ReadOptions::default().with_max_elements(1000);
    if let Err(errors) = parse_text(text, "fuzz.cir", &options) {
        assert!(!errors.errors().is_empty());
        assert!(!errors.to_string().is_empty());
    }
}

/// A statement as it stands in [`EVERYTHING`], or one that is only similar to statements.
fn line() -> impl Strategy<Value = String> {
    let lines: Vec<String> = EVERYTHING.lines().map(str::to_owned).collect();
    let words = prop::collection::vec(word(), 0..10).prop_map(|words| words.join(" "));
    prop_oneof![prop::sample::select(lines), words]
}

fn word() -> impl Strategy<Value = String> {
    let words = EVERYTHING.split_whitespace().map(str::to_owned);
    prop_oneof![
        4 => prop::sample::select(words.collect::<Vec<_>>()),
        1 => "[-+*/^(){}=',;$.*&!a-zA-Z0-9]{0,6}",
        1 => "\\PC{0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_survived(text in "(?s).{0,200}") {
        survive(text);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survive(bytes.iter().map(|byte| char::from(*byte)).collect());
    }

    #[test]
    fn shuffled_statements_are_survived(lines in prop::collection::vec(line(), 0..30)) {
        survive(format!("title\n{}", lines.join("\n")));
    }

    #[test]
    fn damaged_netlists_are_survived(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..20_usize, word()), 1..6),
    ) {
        let mut text: Vec<char> = EVERYTHING.chars().collect();
        for (place, length, word) in cuts {
            let start = place.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, word.chars());
        }
        survive(text.into_iter().collect());
    }

    #[test]
    fn arithmetic_is_survived(text in "[-+*/^(){}',.a-z0-9 ]{0,40}") {
        survive(format!("t\nr1 a b {{{text}}}\nb1 a b i={text}\n.param p={text}\n"));
    }
}

/// The message of the only error.
fn fault_of(text: String, limit: usize) -> String {
    let options = ReadOptions::default().with_max_elements(limit);
    let errors = parse_text(text, "big.cir", &options).expect_err("a fault");
    assert_eq!(errors.errors().len(), 1, "{errors}");
    errors.errors()[0].fault.to_string()
}

#[test]
fn brackets_are_not_endless() {
    for (open, close) in [("(", ")"), ("-", ""), ("{", "}"), ("sqrt(", ")")] {
        let text = format!(
            "t\nr1 a b {{{}1{}}}",
            open.repeat(100_000),
            close.repeat(100_000)
        );
        let fault = fault_of(text, 10);
        assert!(
            fault.starts_with("more than 100 brackets"),
            "{open}: {fault}"
        );
    }
    let mut chain = String::from("t\nr1 a b {p0}\n");
    for k in 0..100_000 {
        writeln!(chain, ".param p{k}={{p{}+1}}", k + 1).expect("room");
    }
    let errors = parse(&(chain + ".param p100000=1"), "deep.cir").expect_err("faults");
    let fault = errors.errors()[0].fault.to_string();
    assert!(fault.starts_with("more than 100 brackets"), "{fault}");
}

#[test]
fn long_chains_are_no_deep_ones() {
    let sum = format!("t\nv1 a b {{1{}}}", "+1".repeat(100_000));
    assert!(parse(&sum, "long.cir").is_ok());
    let mut chain = String::from("t\nr1 a b {p99999}\n.param p0=1\n");
    for k in 1..100_000 {
        writeln!(chain, ".param p{k}={{p{}+1}}", k - 1).expect("room");
    }
    assert!(parse(&chain, "long.cir").is_ok());
}

#[test]
fn subcircuits_do_not_explode() {
    let mut text = String::from("t\nx0 s0\n.subckt s40\nr1 a b 1\n.ends\n");
    for k in 0..40 {
        writeln!(text, ".subckt s{k}\nx1 s{0}\nx2 s{0}\n.ends", k + 1).expect("room");
    }
    for limit in [10_000, 1_000_000_000_000] {
        let fault = fault_of(text.clone(), limit);
        assert_eq!(
            fault,
            format!(
                "the circuit has more than {limit} elements and subcircuits with those of `s0`: \
                 do subcircuits multiply each other?"
            )
        );
    }
}

#[test]
fn subcircuits_are_not_endlessly_deep() {
    let mut text = String::from("t\nx0 s0\n");
    for k in 0..100_000 {
        writeln!(text, ".subckt s{k}\nx1 s{}\n.ends", k + 1).expect("room");
    }
    assert!(fault_of(text, 1000).starts_with("subcircuits lie more than 50 deep"));
    let nested = format!("t\n{}", ".subckt s\n".repeat(100_000));
    assert!(fault_of(nested, 10).contains("has no .ends"));
}

#[test]
fn long_lines_are_shown_in_part() {
    let text = format!("t\nr1 a b {} oops", " ".repeat(1_000_000));
    let errors = parse(&text, "long.cir").expect_err("a fault").to_string();
    assert!(errors.len() < 1000, "{} bytes", errors.len());
    assert!(
        errors.contains(":2:1000009: `oops` is no number"),
        "{errors}"
    );
    let text = format!("t\nr1 a b {{1/0{}}}", "+1".repeat(100_000));
    let errors = parse(&text, "long.cir").expect_err("a fault").to_string();
    assert!(errors.len() < 1000, "{} bytes", errors.len());
    assert!(errors.contains("check for a division by 0"));
    let points = "-1,0,".repeat(200_000);
    assert!(parse(&format!("t\nb1 a b i=pwl(v(a,b),{points}1,2)"), "long.cir").is_err());
}

#[test]
fn many_errors_are_counted() {
    let text = format!("t\n{}", "r1 a b oops\n".repeat(1000));
    let errors = parse(&text, "many.cir").expect_err("faults");
    assert_eq!((errors.errors().len(), errors.omitted()), (20, 980));
    assert!(errors.to_string().ends_with("and 980 more errors"));
    let instances: String = (0..1000).map(|k| format!("x{k} s\n")).collect();
    let text = format!("t\n{instances}.subckt s\nr1 a b oops\n.ends");
    let errors = parse(&text, "many.cir").expect_err("one fault");
    assert_eq!((errors.errors().len(), errors.omitted()), (1, 0));
}

#[test]
fn includes_do_not_repeat() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("a.cir"), "t\n.include b.inc\n").expect("a file");
    std::fs::write(path("b.inc"), "r1 a b 1\n.include a.cir\n").expect("a file");
    let errors = read(path("a.cir")).expect_err("a cycle").to_string();
    assert!(errors.contains("b.inc:2:10: "), "{errors}");
    assert!(errors.contains("a.cir is being read already"), "{errors}");
    let errors = read(path("none.cir")).expect_err("no file").to_string();
    assert!(errors.starts_with("cannot read "), "{errors}");
    assert!(read(folder.path()).is_err());
}

/// A similar name is looked for as often as errors may be shown, not for each error.
#[test]
fn errors_are_linear_in_their_number() {
    let count = |lines: usize| {
        let mut text = String::from("t\n");
        for k in 0..lines {
            writeln!(
                text,
                "d{k} a b model{k}\nx{k} a sub{k}\nr{k} a b {{par{k}}}"
            )
            .expect("room");
            writeln!(
                text,
                ".model other{k} d\n.subckt tub{k}\n.ends\n.param q{k}=1"
            )
            .expect("room");
        }
        super::super::fault::count_distances(|| {
            let errors = parse(&text, "many.cir").expect_err("faults");
            assert_eq!(errors.errors().len() + errors.omitted(), 3 * lines);
        })
    };
    let (few, many) = (count(500), count(2000));
    assert!(
        many <= 5 * few,
        "{few} distances of names for 1500 errors, {many} for 6000"
    );
}
