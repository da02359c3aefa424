//! probe
use ohmgrad::{data::Dataset, drn::*, learn::*};
use rand::SeedableRng;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let threads: usize = a[2].parse().unwrap();
    let epochs: usize = a[3].parse().unwrap();
    let limit: usize = a.get(4).map_or(usize::MAX, |x| x.parse().unwrap());
    let (hidden, gain, t, beta, w, b): (Vec<usize>, f32, usize, f32, Vec<f32>, Vec<f32>) = match a[1].as_str() {
        "xs" => (vec![100], 100., 4, 1., vec![0.006; 2], vec![0.006; 2]),
        "1h" => (vec![1024], 480., 4, 1., vec![0.006; 2], vec![0.006; 2]),
        "2h" => (vec![1024; 2], 2000., 5, 1., vec![0.002, 0.006, 0.018], vec![0.002, 0.006, 0.018]),
        "3h" => (vec![1024; 3], 4000., 6, 2., vec![0.005, 0.02, 0.08, 0.005], vec![0.0005, 0.002, 0.008, 0.0005]),
        _ => (vec![32768], 800., 4, 1., vec![0.006; 2], vec![0.006; 2]),
    };
    let arch = Architecture::new(784, hidden, 10).with_input_gain(gain);
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    let train = ohmgrad::data::idx_folder("data/mnist".as_ref()).unwrap(); let (mut train, test) = (train.train, train.test);
    if limit < 60000 { let p: Vec<u8> = (0..limit).flat_map(|e| train.pixels(e).to_vec()).collect(); let l = (0..limit).map(|e| train.label(e)).collect(); train = Dataset::new(784, 10, 255, p, l).unwrap(); }
    let net = Network::random(&arch, &mut rng, threads).unwrap();
    let s = Settling::sweeps(SweepOrder::Asynchronous, t);
    let mut tr = Trainer::new(net, TrainOptions { rule: EquilibriumPropagation::Centered, beta, batch: 4, initial_state: InitialState::Persistent, free_phase: s, nudged_phase: s, optimizer: Optimizer::plain(&w, &b, 0.99) }, 0).unwrap();
    if epochs == 0 { println!("{:#?}", benchmark(&mut tr, &train).unwrap()); return; }
    for e in 0..epochs {
        let t0 = std::time::Instant::now();
        let mut v = vec![];
        let ep = tr.train_epoch(&train, |s| v.push(s.times)).unwrap();
        let dt = t0.elapsed().as_secs_f64();
        let med = |f: &dyn Fn(&StepTimes) -> f64| { let mut x: Vec<f64> = v.iter().map(|t| f(t) * 1e6).collect(); x.sort_by(f64::total_cmp); x[x.len() / 20] };
        let t1 = std::time::Instant::now();
        let ev = evaluate(tr.network(), &test, &s).unwrap();
        println!("{e}: train {:.2} test {:.2} cost {:.4} {dt:.2}s eval {:.2}s | step {:.1} enc {:.1} inner {:.1} fused {:.1} free {:.1} nudged {:.1} us", ep.error_percent(), ev.error_percent(), ep.mean_cost(), t1.elapsed().as_secs_f64(),
            med(&|t| t.total().as_secs_f64()), med(&|t| t.encode.as_secs_f64()), med(&|t| t.inner_update.as_secs_f64()), med(&|t| t.fused_pass.as_secs_f64()), med(&|t| t.free_phase.as_secs_f64()), med(&|t| t.nudged_phases.as_secs_f64()));
    }
}
