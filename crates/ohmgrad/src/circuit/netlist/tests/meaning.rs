//! Statements and their meanings; the values that ngspice 39 was asked for are marked.

use super::*;
use crate::device::{Characteristic, Diode, IvCurve, PowerLaw, Shockley, Tanh};

fn voltage_of(statements: &str) -> f64 {
    match law_of(statements) {
        Law::VoltageSource { voltage } => voltage,
        Law::CurrentSource { current } => current,
        other => panic!("{other:?}"),
    }
}

fn shockley_of(statements: &str) -> Shockley {
    match law_of(statements) {
        Law::Shockley(shockley) => *shockley,
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_are_lower_case_and_ground_has_two() {
    let circuit = circuit("R1 In GND 1k\nr2 IN 0 2k");
    assert_eq!(circuit.node_names(), ["0", "in"]);
    let names: Vec<&str> = circuit.element_names().iter().map(String::as_str).collect();
    assert_eq!(names, ["r1", "r2"]);
}

#[test]
fn resistors() {
    assert_eq!(conductance_of("r1 a b 1k"), 1e-3);
    assert_eq!(conductance_of("r1 (a,b) 10kohm ac=1 noisy=0"), 1e-4);
    assert_eq!(conductance_of("r1 a b r = 2.2meg"), 1.0 / 2.2e6);
    assert_eq!(conductance_of("r1 a b {2*500}"), 1e-3);
    assert_eq!(conductance_of("r1 a b '2*500' m=3"), 3e-3);
    assert_eq!(conductance_of("r1 a b 0"), f64::INFINITY);
    assert_eq!(conductance_of("r1 a b {-0}"), f64::INFINITY);
    assert_eq!(conductance_of("c1 a b 1u ic=3"), 0.0);
    assert_eq!(conductance_of("l1 a b 1u"), f64::INFINITY);
    assert_eq!(conductance_of("r1 a b 4k7"), 1.0 / 4.7e3);
    assert_eq!(conductance_of("r1 a b 1k tol=5% pwr=0.1"), 1e-3);
    assert_eq!(conductance_of("r1 a b 1k tc=0,0 temp=27"), 1e-3);
    assert_eq!(conductance_of("r1 a b k\n.param k=2"), 0.5);
}

#[test]
fn parasitic_resistors_conduct() {
    assert_eq!(conductance_of("c1 a b 1u rpar=1k rser=5 m=2"), 2e-3);
    assert_eq!(conductance_of("c1 a b 1u rser=5 lser=1n"), 0.0);
    assert_eq!(conductance_of("l1 a b 1u rser=0.5 rpar=2"), 2.5);
    assert_eq!(conductance_of("l1 a b 1u rser=0"), f64::INFINITY);
    let circuit = circuit("v1 a 0 3 rser=2k\ni1 0 a 1m rpar=1k m=2");
    let names: Vec<&str> = circuit.element_names().iter().map(String::as_str).collect();
    assert_eq!(names, ["v1(rser)", "v1", "i1(rpar)", "i1"]);
    assert_eq!(circuit.node_names(), ["0", "a", "v1(rser)"]);
    let conductance = |conductance| Law::Resistor { conductance };
    assert_eq!(law(&circuit, "v1(rser)"), conductance(5e-4));
    assert_eq!(law(&circuit, "i1(rpar)"), conductance(2e-3));
    assert_eq!(law(&circuit, "i1"), Law::CurrentSource { current: 2e-3 });
}

#[test]
fn an_inverse_is_a_conductance_to_the_last_digit() {
    let lossy = [0.013, 0.026, 0.029, 0.052].map(|g: f64| (g, 1.0 / (1.0 / g)));
    assert!(lossy.iter().all(|(g, twice)| g != twice));
    for (g, _) in lossy {
        assert_eq!(conductance_of(&format!("r1 a b {{1/{g:e}}}")), g);
        assert_eq!(conductance_of(&format!("r1 a b r='1/({g:e})'")), g);
    }
}

/// Each line was checked with ngspice.
#[test]
fn sources_have_their_operating_point_values() {
    assert_eq!(voltage_of("v1 a b 5"), 5.0);
    assert_eq!(voltage_of("v1 a b dc 5 ac 1 0"), 5.0);
    assert_eq!(voltage_of("i1 a b ac 1 dc 2"), 2.0);
    assert_eq!(voltage_of("i1 a b dc=3"), 3.0);
    assert_eq!(voltage_of("i1 a b ac 1"), 0.0);
    assert_eq!(voltage_of("i1 a b 1 m=3"), 3.0);
    assert_eq!(voltage_of("v1 a b 5 sin(1 2 1k 0 0 90)"), 5.0);
    assert_eq!(voltage_of("v1 a b sin(1 2 1k 0 0 90)"), 3.0);
    assert_eq!(voltage_of("v1 a b sin(1 2 1k 1m)"), 1.0);
    assert_eq!(voltage_of("v1 a b pulse 1 2 0 1n"), 1.0);
    assert_eq!(voltage_of("v1 a b exp(3 4)"), 3.0);
    assert_eq!(voltage_of("v1 a b pwl(0 3 1 4)"), 3.0);
    assert_eq!(voltage_of("v1 a b pwl(-1 3 1 4)"), 3.5);
    assert_eq!(voltage_of("v1 a b sin(2 1 250 -1m)"), 3.0);
    assert_eq!(voltage_of("v1 a b sffm(1 2 1k 5 1k)"), 1.0);
    assert_eq!(voltage_of("v1 a b am(1 2 1k 100)"), 0.0);
    assert_eq!(voltage_of("v1 a b dc 5 trrandom(1 1n)"), 5.0);
    assert_eq!(voltage_of("v1 a b"), 0.0);
    assert_eq!(voltage_of("b1 a b v={2+3}"), 5.0);
    assert_eq!(voltage_of("b1 a b i=2m m=2"), 4e-3);
}

/// The parameters `a..` with values from ngspice, but for pi and e, which ngspice does not know.
#[test]
fn arithmetic() {
    let cases = [
        ("-2**2", -4.0),
        ("2**3**2", 64.0),
        ("2^3^2", 64.0),
        ("2**-1", 0.5),
        ("log(10)", std::f64::consts::LN_10),
        ("ln(10)", std::f64::consts::LN_10),
        ("log10(100)", 2.0),
        ("2*-3", -6.0),
        ("1+2*3-4/2", 5.0),
        ("pow(-2,3)", -8.0),
        ("2k*3", 6e3),
        ("2e3u", 2e-3),
        ("2--3", 5.0),
        ("min(3, 2) + max(abs(-4),1)", 6.0),
        ("sqrt(16)+exp(0)+sin(0)+cos(0)+tan(0)+tanh(0)", 6.0),
        ("( 1 + { 2 } ) * '3'", 9.0),
        ("7 % 4 + (-7) % 4", 0.0),
        ("1 < 2 ? 3 : 1/0", 3.0),
        ("1 > 2 || 3 >= 3 && 2 != 2", 0.0),
        ("!0 + (1 <> 2) + (2 == 2)", 3.0),
        ("1<2<3", 1.0),
        ("(-2)**2", 4.0),
        ("max(1,2,3) + sqr(3) + int(-3.7)", 9.0),
        ("nint(2.5) + nint(-3.5) + floor(-1.5) + ceil(1.2)", -2.0),
        ("pwr(-2,3) + sgn(-5) + if(0,1,2)", 9.0),
        ("temper", 27.0),
        ("4k7", 4700.0),
        ("pi", std::f64::consts::PI),
        ("e", std::f64::consts::E),
    ];
    for (text, expected) in cases {
        assert_eq!(
            voltage_of(&format!("v1 a 0 {{{text}}}")),
            expected,
            "{text}"
        );
    }
}

#[test]
fn parameters_in_any_order_with_spaces() {
    let statements = "v1 a 0 {d0}\n.param d0 = {d1 + 1} d1 = (2 * 3), d2={d0*2}\n.param d3='d2+1'";
    assert_eq!(voltage_of(statements), 7.0);
    // As in ngspice, only the first word counts of what is neither in braces nor the last.
    assert_eq!(voltage_of("v1 a 0 {p}\n.param p = 2 * 3 q = 4"), 2.0);
    assert_eq!(voltage_of("v1 a 0 {q}\n.param p = 2 q = 2 * 3"), 6.0);
    assert_eq!(
        voltage_of("v1 a 0 {d3}\n.param d3='d2+1' d2={2\n+ * 7}"),
        15.0
    );
}

#[test]
fn subcircuits_are_written_out_with_the_names_of_ngspice() {
    let circuit = circuit(
        ".param k=2\n.global vdd\nVdd VDD 0 3\n\
         X1 vdd mid sub1 params: rr=2k\nX2 mid 0 sub1 rr={k*1k}\n\
         .subckt sub1 a B rr=1k\nR1 a n1 {rr}\nXin n1 b sub2\n.ends\n\
         .subckt sub2 a b\nR1 a gnd 1k\nr3 a vdd 5k\nc1 a b 1\n.ends sub2\n",
    );
    let names: Vec<&str> = circuit.element_names().iter().map(String::as_str).collect();
    let expected = [
        "vdd",
        "r.x1.r1",
        "r.x1.xin.r1",
        "r.x1.xin.r3",
        "c.x1.xin.c1",
        "r.x2.r1",
        "r.x2.xin.r1",
        "r.x2.xin.r3",
        "c.x2.xin.c1",
    ];
    assert_eq!(names, expected);
    assert_eq!(circuit.node_names(), ["0", "vdd", "mid", "x1.n1", "x2.n1"]);
    let r = |name: &str| law(&circuit, name);
    assert_eq!(r("r.x1.r1"), Law::Resistor { conductance: 5e-4 });
    assert_eq!(r("r.x2.r1"), Law::Resistor { conductance: 5e-4 });
    let c1 = circuit.element("c.x1.xin.c1").expect("it is there");
    let [a, b] = circuit[c1].nodes().map(|node| &circuit[node]);
    assert_eq!([a, b], ["x1.n1", "mid"]);
}

/// Each of these was checked with ngspice.
#[test]
fn subcircuits_see_the_parameters_of_their_callers() {
    let nested = "xa 1 s1 k=2\n.subckt s1 a params: k=1\n.param q=5\nxb a s2\n.ends\n\
                  .subckt s2 a\nr1 a 0 {q*k}\n.ends";
    assert_eq!(conductance_of(nested), 0.1);
    let inner = "xa 1 s1 q=8\n.subckt s1 a\n.param q=5\nr1 a 0 {q}\n.ends";
    assert_eq!(conductance_of(inner), 0.125);
    let default = "xa 1 s1 q=8\n.subckt s1 a k={q*2} q=3\nr1 a 0 {k}\n.ends";
    assert_eq!(conductance_of(default), 0.0625);
}

#[test]
fn arguments_are_evaluated_where_the_call_stands() {
    let statements = ".param r=4\nxa 1 s1 r={r}\n.subckt s1 a r=1\nr1 a 0 {r}\n.ends";
    assert_eq!(conductance_of(statements), 0.25);
}

#[test]
fn definitions_in_subcircuits_are_local() {
    let circuit = circuit(
        "x1 a outer\n.model d d(is=1e-10)\nd1 a 0 d\n\
         .subckt outer a\n.model d d(is=1e-12)\n.subckt inner a\nd2 a 0 d\n.ends\n\
         d1 a 0 d\nx2 a inner\nx3 a free\n.ends\n\
         .subckt free a\nd3 a 0 d\n.ends",
    );
    let saturation = |name: &str| match law(&circuit, name) {
        Law::Shockley(shockley) => shockley.saturation_current,
        other => panic!("{other:?}"),
    };
    assert_eq!(saturation("d1"), 1e-10);
    assert_eq!(saturation("d.x1.d1"), 1e-12);
    assert_eq!(saturation("d.x1.x2.d2"), 1e-12);
    assert_eq!(saturation("d.x1.x3.d3"), 1e-10);
}

#[test]
fn junctions() {
    let default = shockley_of("d1 a 0 m\n.model m d");
    assert_eq!(
        default,
        Shockley {
            leakage: 1e-12,
            ..Shockley::new(1e-14)
        }
    );
    let scaled = shockley_of(
        "d1 a 0 m 2 off m=3\n.model m d is=1e-12 n=1.5 rs=2 cjo=1p mfg=acme\n.options gmin = 1e-9 reltol=1e-4 foo",
    );
    let expected = Shockley {
        saturation_current: 6e-12,
        thermal_voltage: 1.5 * Shockley::thermal_voltage_at(300.15),
        series_resistance: 2.0 / 6.0,
        leakage: 1e-9,
    };
    assert_eq!(scaled, expected);
}

/// The voltages that ngspice prints for 1 A through the diodes. Its constants of nature are those of 2014.
#[test]
fn junctions_at_other_temperatures_are_those_of_ngspice() {
    let cases = [
        (
            "d1 a 0 m area=6\n.model m d(is=1e-12 n=1.5 rs=2 tnom=50)\n.temp 100",
            1.394023,
        ),
        (
            "d1 a 0 m area=2 m=3\n.model m d(is=1e-12 n=1.5 rs=2)\n.options temp=100 gmin=1e-9",
            1.288682,
        ),
        (
            "d1 a 0 m\n.model m d is=1e-12 n=1.5 rs=2 tnom=50\n.temp 100",
            3.143_f64,
        ),
    ];
    for (statements, expected) in &cases[..2] {
        let (current, slope) = shockley_of(statements).current(*expected);
        assert!(
            (current - 1.0).abs() < 3e-6 * slope,
            "{current} A at {expected} V"
        );
    }
}

#[test]
fn idealised_diodes() {
    let diode = |forward_voltage, on_conductance, off_conductance| {
        Law::from(Diode {
            forward_voltage,
            on_conductance,
            off_conductance,
        })
    };
    let ideal = Law::from(Diode::ideal(0.0));
    assert_eq!(law_of("d1 a 0 m\n.model m d(Ron=0 Roff=inf)"), ideal);
    assert_eq!(
        law_of("a1 a 0 m\n.model m sidiode(Ron=0 Roff=Infinity)"),
        ideal
    );
    assert_eq!(
        law_of("d1 a 0 m\n.model m sidiode(Ron=0 Roff=inf vfwd=-.5)"),
        Law::from(Diode::ideal(-0.5))
    );
    assert_eq!(
        law_of("d1 a 0 m\n.model m d(Vfwd=0.6)"),
        diode(0.6, 1.0, 1e-12)
    );
    assert_eq!(
        law_of("a1 %gd(a 0) m\n.model m sidiode(Ron={1/3} roff=1g)"),
        diode(0.0, 3.0, 1e-9)
    );
    assert_eq!(
        law_of("d1 a 0 m m=2\n.model m d(Ron=1 roff=1g)"),
        diode(0.0, 2.0, 2e-9)
    );
}

#[test]
fn behaviour() {
    let tanh = |limit, scale| Law::from(Tanh { limit, scale });
    assert_eq!(law_of("b1 a b I={2m}*tanh(V(a,b)/{0.1})"), tanh(2e-3, 0.1));
    assert_eq!(law_of("b1 a 0 i='tanh(v(a)*4)/3'"), tanh(1.0 / 3.0, 0.25));
    let power = |coefficient, exponent| {
        Law::from(PowerLaw {
            coefficient,
            exponent,
        })
    };
    assert_eq!(
        law_of("b1 a gnd i = {1/4}*pwr(v(a,0),{1+1})"),
        power(0.25, 2.0)
    );
    assert_eq!(law_of("b1 a b i=pwr(v( a , b )/2,3)*8"), power(1.0, 3.0));
    assert_eq!(law_of("b1 a b i=2*v(a,b)**3"), power(2.0, 3.0));
    for cube in ["2*v(a)*v(a)*v(a)", "v(a)*2*v(a)*v(a)", "v(a)*(v(a)*v(a)*2)"] {
        assert_eq!(
            law_of(&format!("b1 a 0 i={cube}")),
            power(2.0, 3.0),
            "{cube}"
        );
    }
    assert_eq!(law_of("b1 0 a i=tanh(-v(a)/2)"), tanh(1.0, 2.0));
    assert_eq!(law_of("b1 0 a i=-tanh(v(a)/2)"), tanh(1.0, 2.0));
    assert_eq!(law_of("b1 a b i=tanh((v(a)-v(b))/2)"), tanh(1.0, 2.0));
    assert_eq!(law_of("b1 a b i=-tanh(v(b,a)/2)"), tanh(1.0, 2.0));
    for linear in [
        "b1 a 0 i=v(a)/1k",
        "b1 0 a i=-v(a)*1m",
        "b1 a b i=1m*(v(a)-v(b))",
        "g1 a 0 a 0 1m",
        "g1 a b b a -1m",
    ] {
        assert_eq!(conductance_of(linear), 1e-3, "{linear}");
    }
    let curve = |points: &[(f64, f64)]| {
        Law::from(IvCurve::new(points.iter().copied()).expect("rising points"))
    };
    assert_eq!(
        law_of("b1 a b i=2*pwl(v(a,b), -1,-1m, 0,0, 1,2m)"),
        curve(&[(-1.0, -2e-3), (0.0, 0.0), (1.0, 4e-3)])
    );
}

/// ngspice prints -1 mA - 5 V * 1 mS for the curve at -6 V, and -1 mA for the table.
#[test]
fn curves_go_on_and_tables_are_clamped() {
    let currents = |statements: &str| match law_of(statements) {
        Law::Curve(curve) => [-6.0, 0.5, 3.0].map(|u| curve.current(u).0),
        other => panic!("{other:?}"),
    };
    let curve = currents("b1 a b i=pwl(v(a,b), -1,-1m, 0,0, 1,2m)");
    assert_eq!(curve, [-6e-3, 1e-3, 6e-3]);
    let table = currents("g1 a b table {v(a,b)} = (-1,-1m) (0,0) (1,{2m})");
    assert_eq!(table, [-1e-3, 1e-3, 2e-3]);
}

#[test]
fn what_does_not_matter_is_ignored() {
    let statements = "v1 a 0 1 ; inline\n* comment\nr1 a 0 1k $ comment\n.op\n.print op all\n.save all\n\
                      .nodeset v(a)=1\n.control\nset numdgt=15\nop\nprint all\n.endc\n.end\nq1 after the end";
    assert_eq!(circuit(statements).elements().len(), 2);
    let left_out = "t\nr1 a 0 1\n.tran 1m\n.step param x 1 2 3\n.tran 2m\nk1 l1 l2 1\n.meas tran y max v(a)\n\
                    .control\nrun\nplot v(a)\nlet y = v(a)*2\n.endc\n";
    let netlist = parse(left_out, "test.cir").expect("a netlist");
    let ignored = netlist
        .ignored
        .iter()
        .map(|ignored| (ignored.statement.as_str(), ignored.count));
    let expected = [
        (".tran", 2),
        (".step", 1),
        ("K", 1),
        (".meas", 1),
        (".control", 1),
    ];
    assert_eq!(ignored.collect::<Vec<_>>(), expected);
}

/// The cautions of a netlist with its first line.
fn cautions(text: &str) -> Vec<String> {
    let netlist = parse(text, "test.cir").unwrap_or_else(|errors| panic!("{errors}"));
    netlist
        .warnings
        .iter()
        .map(|warning| warning.caution.to_string())
        .collect()
}

#[test]
fn a_title_that_is_a_statement_is_warned_of() {
    for title in [
        "R1 in out 1k",
        ".op",
        ".subckt a b",
        "V1 a 0 5",
        "Q1 c b e model",
        "X1 a s",
    ] {
        let text = format!("{title}\nr9 a 0 1\n.subckt s a\nr1 a 0 1\n.ends\n");
        let cautions = cautions(&text);
        assert_eq!(cautions.len(), 1, "{title}: {cautions:?}");
        assert!(cautions[0].contains(title), "{cautions:?}");
    }
    for title in [
        "A divider",
        "* R1 a b 1",
        ".title R1 a b 1",
        "Diode clipper",
        "",
        "V1 drives the load",
        "Q factor",
    ] {
        assert_eq!(
            cautions(&format!("{title}\nr9 a 0 1\n")),
            [""; 0],
            "{title}"
        );
    }
    let options = ReadOptions::default().with_title(false);
    let netlist = parse_with("R1 a 0 1\nR2 a 0 1", "test.cir", &options).expect("a netlist");
    assert_eq!(netlist.circuit.elements().len(), 2);
    assert!(netlist.title.is_empty() && netlist.warnings.is_empty());
}

#[test]
fn what_may_mean_something_else_is_warned_of() {
    let cases = [
        ("v1 a 0", "`v1` has no value"),
        ("r1 a 0", "`r1` has no resistance"),
        (
            ".param p = 2 * 3 q = 4\nr1 a 0 {p}",
            "only `2` of `2 * 3` is read",
        ),
        ("r1 a 0 1\n.subckt s\n.ends t", "the open subcircuit is `s`"),
        (
            "d1 a 0 m\n.model m d\n.model m d(is=1p)",
            "the model `m` is there already, on line 3",
        ),
        (
            "x1 b c s\n.subckt s a gnd\nr1 a gnd 1\n.ends",
            "`c` is not connected to it",
        ),
        ("r1 a 0 1\n.lib none.lib", "none.lib cannot be read"),
        ("d1 a 0 m\n.model m d(isr=1n)", "NR = 1 is taken"),
        (
            ".param p=1 p=2\nr1 a 0 {p}",
            "the parameter `p` is there already, on line 2",
        ),
    ];
    for (statements, expected) in cases {
        let cautions = cautions(&format!("title\n{statements}"));
        assert_eq!(cautions.len(), 1, "{statements}: {cautions:?}");
        assert!(cautions[0].contains(expected), "{cautions:?}");
    }
    assert_eq!(cautions("t\nd1 a 0 m\n.model m d\n.model m d"), [""; 0]);
}

#[test]
fn subcircuits_side_by_side_are_multiples() {
    let statements = "x1 a s m=2\n.subckt s a\nx1 a t m={k}\nv1 b 0 1\n.ends\n.param k=3\n\
                      .subckt t a\nr1 a 0 1\ni1 a 0 1\nd1 a 0 m\n.model m d(is=1p rs=6 ikf=1)\n.ends";
    let circuit = circuit(statements);
    assert_eq!(
        law(&circuit, "r.x1.x1.r1"),
        Law::Resistor { conductance: 6.0 }
    );
    assert_eq!(
        law(&circuit, "i.x1.x1.i1"),
        Law::CurrentSource { current: 6.0 }
    );
    assert_eq!(
        law(&circuit, "v.x1.v1"),
        Law::VoltageSource { voltage: 1.0 }
    );
    let Law::Junction(junction) = law(&circuit, "d.x1.x1.d1") else {
        panic!("no junction");
    };
    assert_eq!(
        (junction.forward_knee, junction.shockley.series_resistance),
        (6.0, 1.0)
    );
    // A parameter of its own is not the number.
    let own = "x1 a s m=2\n.subckt s a m=1\nr1 a 0 {m}\n.ends";
    assert_eq!(conductance_of(own), 0.5);
}

#[test]
fn functions_of_the_netlist() {
    assert_eq!(
        voltage_of("v1 a 0 {f(g(2),1)}\n.func f(x,y) {x-y}\n.func g(x) = x*x\n"),
        3.0
    );
    assert_eq!(
        voltage_of("v1 a 0 {f(2)}\n.param f(x)='x*k'\n.param k=3"),
        6.0
    );
}

#[test]
fn libraries_have_sections() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("m.lib"), ".lib tt\n.model d d(is=1e-12)\n.endl\n.lib ff\n.lib 'm.lib' tt\nr2 b 0 2\n.endl ff\nr3 c 0 3\n").expect("a file");
    let elements = |lib: &str| {
        std::fs::write(path("main.cir"), format!("t\n{lib}\nd1 a 0 d\n")).expect("a file");
        read(path("main.cir")).map(|netlist| netlist.circuit.element_names().to_vec())
    };
    assert_eq!(elements(".lib m.lib tt").expect("a netlist"), ["d1"]);
    assert_eq!(
        elements(".LIB \"m.lib\" FF").expect("a netlist"),
        ["r2", "d1"]
    );
    let whole = elements(".lib m.lib").expect_err("no model").to_string();
    assert!(whole.contains("there is no model `d`"), "{whole}");
    let missing = elements(".lib none.lib").expect_err("no model").to_string();
    assert!(
        missing.contains("what is missing may be in this library"),
        "{missing}"
    );
}

#[test]
fn titles() {
    let title = |text: &str| parse(text, "test.cir").expect("a netlist").title;
    assert_eq!(title(" R1 A title \r\nr1 a 0 1"), "R1 A title");
    assert_eq!(title("first\n.title Second One\nr1 a 0 1"), "Second One");
    assert_eq!(title(".title Second One\nr1 a 0 1"), "Second One");
    assert_eq!(title("\nr1 a 0 1"), "");
}

#[test]
fn files_include_files_beside_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    };
    write(
        "parts/Models.inc",
        b".model dm d(is=1e-9)\n.include 'more parts.inc'\n.end\nr2 b 0 1\n",
    );
    write(
        "parts/more parts.inc",
        b"* \xb5 in Latin-1\nr1 a b 1\xb5\r\n",
    );
    let main = write(
        "main.cir",
        b"title\n.INC \"parts/Models.inc\"\nd1 b 0 dm\n.end\n",
    );
    let circuit = read(&main).expect("a netlist").circuit;
    let names: Vec<&str> = circuit.element_names().iter().map(String::as_str).collect();
    assert_eq!(names, ["r1", "r2", "d1"]);
    assert_eq!(
        law(&circuit, "r1"),
        Law::Resistor {
            conductance: 1.0 / 1e-6
        }
    );
}

#[test]
fn notes_name_and_number() {
    let circuit = circuit(
        "*!ohmgrad nodes b a alone\n*!ohmgrad node n1 N(1)\n*!ohmgrad element rload Load\n\
         *!ohmgrad model m nvt=0.03 gmin=0\n*!ohmgrad model s ron=0 roff=inf\n\
         rload a n1 1\nd1 a b m\n.model m d(is=1e-9)\na1 b a s\n.model s sidiode(ron=1u roff=1t)",
    );
    assert_eq!(circuit.node_names(), ["0", "b", "a", "alone", "N(1)"]);
    assert_eq!(circuit.element_names()[0], "Load");
    assert_eq!(law(&circuit, "a1"), Law::from(Diode::ideal(0.0)));
    let expected = Shockley {
        saturation_current: 1e-9,
        thermal_voltage: 0.03,
        series_resistance: 0.0,
        leakage: 0.0,
    };
    assert_eq!(law(&circuit, "d1"), Law::from(expected));
}
