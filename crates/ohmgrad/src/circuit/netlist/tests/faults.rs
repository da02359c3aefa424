//! Messages.

use super::*;

/// Checks that statements have one error, which reads as expected.
fn assert_error(statements: &str, expected: &str) {
    let rendered = errors(statements).to_string();
    assert_eq!(rendered, expected.trim_matches('\n'), "\n{rendered}\n");
}

/// Checks messages without their places.
fn assert_messages(cases: &[(&str, &str)]) {
    for (statements, expected) in cases {
        let errors = errors(statements);
        let [error] = errors.errors() else {
            panic!("not one error: {errors}");
        };
        assert_eq!(error.fault.to_string(), *expected, "{statements}");
    }
}

#[test]
fn an_error_shows_its_place() {
    assert_error(
        "R1 a b 1k\nR2\tA b 4m7 ; no unit\n",
        "
test.cir:3:8: `4m7` may be milli or mega: write 4.7m or 4.7meg in place of 4m7
  3 | R2 A b 4m7 ; no unit
    |        ^^^",
    );
    assert_error(
        "r1 a\n* comment\n+ b {2 *\n+ rvl}\n.param rval=1",
        "
test.cir:5:3: there is no parameter `rvl`; did you mean `rval`?
  5 | + rvl}
    |   ^^^",
    );
    assert_error(
        "r1 a",
        "
test.cir:2:1: the second node is missing: write `R1 a b OHM [m=NUMBER] [tc1=NUMBER] [tc2=NUMBER]`
  2 | r1 a
    | ^^^^",
    );
}

#[test]
fn all_errors_are_reported_at_once_and_in_order() {
    assert_error(
        "d1 é k dmdo\n.model dmod d(bv=5)\nq1 c b e q2n2222\n.if (1)",
        "
test.cir:2:8: there is no model `dmdo`; did you mean `dmod`?
  2 | d1 é k dmdo
    |        ^^^^
test.cir:4:1: `q1` is a bipolar transistor, which is not supported: elements are R, C (open), L (short), V, I, D, sidiodes (A), E, F, G, H, B and X
  4 | q1 c b e q2n2222
    | ^^
test.cir:5:1: `.if` is not supported: write out the lines that should be read
  5 | .if (1)
    | ^^^",
    );
}

#[test]
fn duplicates_name_the_first() {
    assert_error(
        "r1 a b 1\nR1 a b 2\nx1 a s\n.subckt s a\nr1 a 0 1\nr1 a 0 2\n.ends",
        "
test.cir:3:1: the element `r1` is there already, on line 2 of test.cir: rename one
  3 | R1 a b 2
    | ^^^^^^^^
test.cir:7:1: the element `r.x1.r1` is there already, on line 6 of test.cir: rename one
  7 | r1 a 0 2
    | ^^^^^^^^",
    );
    assert_messages(&[
        (
            ".subckt s a A\n.ends",
            "the node `a` is there already, on line 2 of test.cir: rename one",
        ),
        (
            "x1 s\nx1 s\n.subckt s\n.ends",
            "the element `x1` is there already, on line 2 of test.cir: rename one",
        ),
    ]);
}

#[test]
fn words_out_of_place() {
    assert_messages(&[
        (
            "r1 a b 1k 2k",
            "`2k` does not belong here: write `R1 a b OHM [m=NUMBER] [tc1=NUMBER] [tc2=NUMBER]`",
        ),
        (
            "r1 a b 1k tc9=3",
            "the parameter `tc9` is not supported: write `R1 a b OHM [m=NUMBER] [tc1=NUMBER] [tc2=NUMBER]`",
        ),
        (
            "c1 a b 1u rpat=3",
            "the parameter `rpat` is not supported: write `C1 a b FARAD [Rpar=OHM]`",
        ),
        (
            "v1 a b 1 2",
            "`2` does not belong here: write `V1 plus minus [DC] VOLT [Rser=OHM]`",
        ),
        (
            "i1 a b trrandom(0 1)",
            "the value of TRRANDOM at t = 0 is not clear: write `DC value` before it (SIN, PULSE, EXP and PWL start at t = 0)",
        ),
        (
            "+ r1",
            "there is no statement above that `+` could continue; the first line is the title",
        ),
        (
            "#1",
            "no statement starts with `#`: comments start with `*`, elements with a letter",
        ),
        (
            ".modle m d",
            "`.modle` is no statement; did you mean `.model`?",
        ),
        (
            ".control\nalter r1 = 5\n.endc",
            "commands are not run, and `alter` may change the result: make the change in the netlist itself",
        ),
        (
            ".control\nset temp=50\n.endc",
            "commands are not run, and `set` may change the result: make the change in the netlist itself",
        ),
        (
            ".param",
            "the value is missing: write `.param NAME=VALUE ..`",
        ),
        (
            ".param junk a=3",
            "`junk` does not belong here: write `.param NAME=VALUE ..`",
        ),
        (
            "*!ohmgrad colour red",
            "this note is not understood: write `*!ohmgrad nodes NODES..`, `*!ohmgrad node NAME MEANT`, `*!ohmgrad element NAME MEANT` or `*!ohmgrad model NAME PARAMETER=VALUE ..`",
        ),
        (
            ".options rshunt=1g",
            "`rshunt` is not supported: write the resistors from the nodes to ground",
        ),
        (
            ".temp -300",
            "-300 degrees Celsius is no temperature above -273.15",
        ),
        (
            ".include",
            "the file's name is missing: write `.include \"FILE\"`",
        ),
    ]);
}

#[test]
fn numbers_that_are_none() {
    assert_messages(&[
        ("r1 a b x", "`x` is no number"),
        (
            "r1 a b 2*3",
            "`2*3` is no number: write arithmetic in braces, {2*3}",
        ),
        (
            "r1 a b 1e999",
            "`1e999` is out of range: numbers are 0, or between 5e-324 and 1.8e308",
        ),
        (
            "r1 a b 1e-999",
            "`1e-999` is out of range: numbers are 0, or between 5e-324 and 1.8e308",
        ),
        (
            "r1 a b -5",
            "a resistance of -5 ohm is not supported: resistances are at least 0",
        ),
        ("r1 a b {2", "`{` has no `}` on this line"),
        (
            "r1 a b {1/0}",
            "`1/0` is inf: check for a division by 0 or a root of a negative number",
        ),
        ("r1 a b {2*(3}", "`)` is expected here"),
        ("r1 a b {2 3}", "an operator is expected here"),
        (
            "r1 a b {2*}",
            "a number, a name or a bracket is expected here",
        ),
        (
            "r1 a b {sqrtt(4)}",
            "there is no function `sqrtt`; did you mean `sqrt`?",
        ),
        ("r1 a b {max(1)}", "`max` takes 2 arguments, here are 1"),
        (
            "r1 a b {gauss(1,2,3)}",
            "`gauss` is a random number: write its nominal value",
        ),
        ("r1 a b {1?2}", "`:` is expected here"),
        (
            "r1 a b {(-2)**3}",
            "a power of the negative number -2: SPICE programs differ here; write pow(x,n), or abs(x)**n",
        ),
        (
            "r1 a b {v(a)}",
            "a voltage is no number: only the current of a B or G line depends on V(..), and on its own",
        ),
        (
            ".param a={b} b={a+1}",
            "the parameter `a` is defined through itself",
        ),
    ]);
}

#[test]
fn models() {
    assert_messages(&[
        (
            "d1 a k m\n.model m d(jtun=1)",
            "JTUN, the tunnel current, is not supported: remove it, or describe the diode by a curve: B1 a k I=pwl(V(a,k), ..)",
        ),
        (
            "d1 a k m\n.model m sidiode(epsilon=0.1)",
            "EPSILON, the width of the bend at Vfwd, is not supported: ngspice and LTspice differ here; take a D model, which is LTspice's",
        ),
        (
            "d1 a k m\n.model m d(is=1p bv=0.01)",
            "its breakdown starts at -0.5260055515417509 V, it must be finite and at least 0.0775947510214724 V, three times n V_t",
        ),
        (
            "d1 a k m\n.model m d(ron=0 vrev=5)",
            "its on conductance is inf S, it must be finite and above 0",
        ),
        (
            "r1 a k m\n.model m d",
            "the model `m` is not one of a resistor, R or RES",
        ),
        (
            "r1 a k 5 m\n.model m r(r=2)",
            "the model has a resistance R as well: it is only a default in ngspice, and a factor in PSpice; remove it there, or multiply",
        ),
        (
            "r1 a k m\n.model m r(rsx=2)",
            "`rsx` is no parameter of a R model; did you mean `rsh`?",
        ),
        (
            "d1 a k m\n.model m d(iss=1)",
            "`iss` is no parameter of a D model; did you mean `is`?",
        ),
        (
            "d1 a k m\n.model m sidiode(is=1)",
            "`is` is no parameter of a sidiode model",
        ),
        (
            "d1 a k m\n.model m d(nvt=1)",
            "`nvt` is no parameter of a D model; did you mean `bv`?",
        ),
        (
            "d1 a k m\n.model m d(is=1p ron=1)",
            "`is` belongs to a junction, other parameters to an idealised diode: use either kind",
        ),
        (
            "d1 a k m\n.model m npn(bf=1)",
            "models of the kind `npn` are not supported here: diodes are D or sidiode, resistors R or RES",
        ),
        (
            "a1 a k m\n.model m d",
            "the model `m` is not a sidiode, which an A line takes: use a D line",
        ),
        (
            "d1 a k m 2\n.model m d(ron=1)",
            "an idealised diode has no area: give Ron and Roff of the whole diode",
        ),
        (
            "d1 a k m\n.model m d(is=0)",
            "its saturation current is 0 A, it must be finite and above 0",
        ),
        (
            "d1 a k m\n.model m sidiode",
            "its on conductance is 1 S, it must be above the off conductance, 1 S",
        ),
    ]);
}

#[test]
fn behaviour_that_is_not_supported() {
    let forms = Fault::Behaviour.to_string();
    let forms = forms.as_str();
    let linear = Fault::NotLinear.to_string();
    let linear = linear.as_str();
    assert_messages(&[
        ("b1 a b i=v(a,b)*tanh(v(a,b))", forms),
        ("b1 a b i=sqrt(v(a,b))", forms),
        ("b1 a b i=v(a,b)>1?1:0", forms),
        ("b1 a b i=1/v(a,b)", forms),
        (
            "b1 a b i=v(a,b)*v(a,b)",
            "an even power of a voltage falls on one side of 0: for sign(u) |u|^p, write pwr(u,p)",
        ),
        (
            "b1 a b i=v(a,b)^2",
            "an even power of a voltage falls on one side of 0: for sign(u) |u|^p, write pwr(u,p)",
        ),
        ("b1 a b v=v(a,b,c)", "one node or two is expected here"),
        ("b1 a b v=2*v()", "one node or two is expected here"),
        ("b1 a b v=v(a,)", "one node or two is expected here"),
        ("b1 a b v=i()", "the name of a source is expected here"),
        ("b1 a b i=v(a)^3", linear),
        ("b1 a b i=v(c)*tanh(v(a,b))", linear),
        ("b1 a b i=i(v1)**2", linear),
        ("b1 a b v=v(a,b)*v(c)", linear),
        ("b1 a b q=3", forms),
        (
            "b1 a b i=1+exp(-v(a,b))",
            "the current of its term exp falls as the voltage rises: a network with such an element has no unique state",
        ),
        (
            "b1 a b i=tanh(v(b,a))",
            "its limit is -1 A, it must be finite and above 0",
        ),
        (
            "b1 a b i=-tanh(v(a,b))",
            "its limit is -1 A, it must be finite and above 0",
        ),
        (
            "b1 a b i=pwl(v(a,b),0,0,1,-1)",
            "the current falls to -1 A at point 1 of the curve: a network with such an element has no unique state",
        ),
        (
            "b1 a b i=pwl(v(a,b),0,0,1)",
            "a table has pairs (voltage, current), here are 3 numbers",
        ),
        (
            "g1 a b table {v(a,b)} (1,2) (1,3)",
            "point 1 of the curve, at 1 V, does not lie above the one before it: sort the points by voltage",
        ),
        (
            "g1 a b table {v(c)} (1,2) (2,3)",
            "an element depends on its own voltage only: write V(a,b)",
        ),
    ]);
}

#[test]
fn controlled_sources() {
    let linear = Fault::NotLinear.to_string();
    let linear = linear.as_str();
    assert_messages(&[
        (
            "e1 a b c d",
            "the gain is missing: write `E1 plus minus c d GAIN, or E1 plus minus VALUE={EXPRESSION}`",
        ),
        ("e1 a b value={v(c)*v(d)}", linear),
        ("e1 a b value={sqrt(v(c))}", linear),
        ("g1 a b value={v(c)**2}", linear),
        ("e1 a b poly(2) c 0 d 0 0 1 2 3", linear),
        ("f1 a b poly(1) v1 0 1 2\nv1 a 0 1", linear),
        (
            "e1 a b poly(0)",
            "`0` does not belong here: write `E1 plus minus c d GAIN, or E1 plus minus VALUE={EXPRESSION}`",
        ),
        (
            "e1 a b laplace {v(c)} {1/(1+s)}",
            "LAPLACE is not supported: a controlled source must be linear and the same at all times, so write its gain",
        ),
        (
            "f1 a b v9 2",
            "element f1: the current of v9 is to control it, but v9 is not there: put a voltage source of 0 V where the current flows",
        ),
        (
            "h1 a b r1 2\nr1 a b 1",
            "element h1: the current of r1 is to control it, but r1 is no voltage source: put a voltage source of 0 V where the current flows",
        ),
        (
            "e1 a b c d 2 m=3",
            "the parameter `m` is not supported: write `E1 plus minus c d GAIN, or E1 plus minus VALUE={EXPRESSION}`",
        ),
    ]);
    assert_error(
        "v1 a 0 1\nx1 a s\n.subckt s a\nf1 a 0 v1 2\n.ends",
        "
test.cir:5:1: element f.x1.f1: the current of v.x1.v1 is to control it, but v.x1.v1 is not there: put a voltage source of 0 V where the current flows
  5 | f1 a 0 v1 2
    | ^^^^^^^^^^^",
    );
}

#[test]
fn subcircuits() {
    assert_messages(&[
        (
            "x1 a b cell\n.subckt cell a b c\n.ends",
            "`cell` has 3 nodes (a b c), here are 2",
        ),
        (
            "x1 a sell\n.subckt cell a\n.ends",
            "there is no subcircuit `sell`; did you mean `cell`?",
        ),
        (
            "x1 cell gain=3\n.subckt cell gin=1\n.ends",
            "the subcircuit `cell` has no parameter `gain`; did you mean `gin`?",
        ),
        (
            "x1 a\n.subckt a\nx1 b\n.ends\n.subckt b\nx1 a\n.ends",
            "the subcircuit `a` contains itself",
        ),
        (".subckt cell a", "the subcircuit `cell` has no .ends"),
        (".ends", ".ends without .subckt"),
        (
            "x1",
            "the subcircuit is missing: write `X1 NODES.. SUBCIRCUIT [PARAMETER=VALUE ..]`",
        ),
    ]);
}
