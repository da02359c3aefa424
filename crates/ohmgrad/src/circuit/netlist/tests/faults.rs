//! Messages.

use super::*;

/// Checks that statements have one error, which reads as expected.
fn assert_error(statements: &str, expected: &str) {
    let rendered = errors(statements).to_string();
    assert_eq!(rendered, expected.trim_matches('\n'), "\n{rendered}\n");
}

#[test]
#[ignore]
fn show() {
    let all = "r1 a b\nr2 a b 4k7\nr3 a b 1k 2k\nr4 a b -5\nr5 a b rval\n.param rval=3\nr6 a b 2*rval\nr7 a b {rvl*2}\nr8 a b {1/0}\nr9 a b {2*(3+}\nr10 a b {foo(1)}\n";
    eprintln!("{}", errors(all));
    let all = "d1 a k dmdo\n.model dmod d(is=1 bv=5)\nd2 a k dmod\n.model q npn(bf=100)\nd3 a k q\n.model x d(iss=3)\nd4 a k x\n.model y d(is=3 ron=3)\nd5 a k y\na6 a k z\n.model z d(is=1e-12)\n.model s sidiode(ron=1 roff=2 epsilon=3)\na7 a k s\na8 a k t\n.model t sidiode\nq1 c b e q2n\n.tran 1u 1m\n.modle x d\n#foo\n?";
    eprintln!("{}", errors(all));
    let all = "x1 a b sub\nx2 a sub2\n.subckt sub a b c\n.ends\nx3 a b c sub q=3\n.subckt rec a\nx1 a rec\n.ends\nx4 a rec\nr1 a b 1\nr1 a b 2\nv1 a b sffm(1 2)\nv2 a b\nb1 a b i=v(a,b)*3\nb2 a b i=tanh(v(c,d))\ng1 a b c d 1\ng2 a b table {v(a,b)} (1,2) (1,3)\ng3 a b table {v(a,b)} (1,2,3)\n.temp -300\n.include nowhere.inc\n.subckt open\n.param a={b} b={a}\n";
    eprintln!("{}", errors(all));
}
