//! `ohmgrad.Circuit`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ohmgrad::circuit::netlist::{self, ReadOptions};
use ohmgrad::circuit::{Circuit, ElementId, NodeId};
use ohmgrad::presolve::PresolveError;
use ohmgrad::solve::{Method, Solution, SolveOptions, Solver};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyTuple};

use crate::element;
use crate::errors;
use crate::{signals, solution, solved_rows};

/// How many names a message lists.
const LISTED: usize = 10;

/// A circuit of resistors, diodes and sources: named nodes, and elements between them.
///
/// ``Circuit.from_netlist`` reads one, a ``CircuitBuilder`` makes one. Its nodes and connections stay as they are, the
/// values of its elements can be changed with ``set``. ``circuit["r1"]`` is the element of that name; a circuit
/// iterates over the names of its elements.
///
/// A circuit keeps what it has prepared for solving, and starts each solve from the answer before. A copy
/// (``copy.copy``) starts afresh. Several Python threads may use one circuit.
///
/// Examples
/// --------
/// >>> import ohmgrad
/// >>> circuit = ohmgrad.Circuit.from_netlist('''A divider
/// ... V1 in 0 3
/// ... R1 in out 2k
/// ... R2 out 0 1k
/// ... ''')
/// >>> circuit.nodes, circuit.elements
/// (('0', 'in', 'out'), ('v1', 'r1', 'r2'))
/// >>> solution = circuit.solve()
/// >>> round(solution.nodes["out"], 12), round(solution.elements["r1"].current, 12)
/// (1.0, 0.001)
/// >>> circuit.set("r2", resistance=2e3)
/// >>> round(circuit.solve().nodes["out"], 12)
/// 1.5
#[pyclass(name = "Circuit", module = "ohmgrad", frozen)]
pub(crate) struct PyCircuit {
    title: String,
    nodes: Py<PyTuple>,
    elements: Py<PyTuple>,
    state: Mutex<State>,
}

/// What can change.
pub(crate) struct State {
    pub(crate) circuit: Arc<Circuit>,
    /// That of the last solve, but while a solve is under way.
    solver: Option<Solver>,
}

#[pymethods]
impl PyCircuit {
    /// Reads a SPICE netlist of resistors, diodes and sources.
    ///
    /// Parameters
    /// ----------
    /// netlist : str or os.PathLike
    ///     The text of a netlist, if it is a string of more than one line; else the path of a file.
    /// title : bool, default True
    ///     Whether the first line is the title, as in SPICE, and not a statement.
    ///
    /// Returns
    /// -------
    /// Circuit
    ///     Names are in lower case, as SPICE does not tell the cases apart.
    ///
    /// Raises
    /// ------
    /// NetlistError
    ///     If something in it is wrong or not supported: all that is wrong, with file, line and column.
    /// OSError
    ///     If the file cannot be read.
    ///
    /// Warns
    /// -----
    /// NetlistWarning
    ///     If something in it may not mean what its writer meant, such as a title that could be an element.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> ohmgrad.Circuit.from_netlist("A lamp\nV1 in 0 3\nR1 in 0 50\n")
    /// <ohmgrad.Circuit "A lamp" of 2 elements, 2 nodes>
    #[staticmethod]
    #[pyo3(signature = (netlist, *, title=true))]
    fn from_netlist(py: Python<'_>, netlist: &Bound<'_, PyAny>, title: bool) -> PyResult<Self> {
        let options = ReadOptions::default().with_title(title);
        let read = match netlist.extract::<String>() {
            Ok(text) if text.contains(['\n', '\r']) => {
                py.detach(|| netlist::parse_with(&text, "<netlist>", &options))
            }
            _ => {
                let path: PathBuf = netlist.extract()?;
                py.detach(|| netlist::read_with(&path, &options))
            }
        };
        let read = read.map_err(|wrong| errors::netlist(py, &wrong))?;
        for warning in &read.warnings {
            errors::warn(py, &warning.to_string())?;
        }
        Self::new(py, read.circuit, read.title)
    }

    /// The circuit as a netlist for ngspice, and for ``from_netlist``, which gives an equal circuit back.
    ///
    /// Returns
    /// -------
    /// str
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> circuit = ohmgrad.CircuitBuilder("A lamp").voltage_source("v1", "a", "0", 3).resistor("r1", "a", "0", 50).build()
    /// >>> print(circuit.to_netlist(), end="")
    /// A lamp
    /// v1 a 0 3
    /// r1 a 0 50
    /// .op
    /// .end
    fn to_netlist(&self, py: Python<'_>) -> String {
        self.with(py, |state| netlist::write(&state.circuit, &self.title))
    }

    /// What the circuit is, for people: the first line of its netlist.
    #[getter]
    fn title(&self) -> &str {
        &self.title
    }

    /// The names of the nodes, ground (``'0'``) first.
    #[getter]
    pub(crate) fn nodes<'py>(&self, py: Python<'py>) -> Bound<'py, PyTuple> {
        self.nodes.bind(py).clone()
    }

    /// The names of the elements, in the order in which they were added.
    #[getter]
    pub(crate) fn elements<'py>(&self, py: Python<'py>) -> Bound<'py, PyTuple> {
        self.elements.bind(py).clone()
    }

    /// Changes values of an element, for another solve.
    ///
    /// Parameters
    /// ----------
    /// element : str
    ///     Name of the element.
    /// **values : float or array
    ///     New values by their names, as ``circuit[element].values`` shows them: ``voltage``, ``current``,
    ///     ``conductance`` (or ``resistance``, in ohm), ``forward_voltage``, and so on. Others stay.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If there is no such element, it has no such value, or a value is out of range; the circuit is unchanged then.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> circuit = ohmgrad.CircuitBuilder().voltage_source("v1", "a", "0", 3).resistor("r1", "a", "0", 50).build()
    /// >>> circuit.set("v1", voltage=5)
    /// >>> circuit["v1"]
    /// Element(name='v1', kind='voltage source', nodes=('a', '0'), values={'voltage': 5.0})
    #[pyo3(signature = (element, /, **values))]
    fn set(
        &self,
        py: Python<'_>,
        element: &str,
        values: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let Some(values) = values else {
            return Err(PyValueError::new_err(format!(
                "no values for {element}: give them by their names, such as voltage=1.5"
            )));
        };
        let law = self.with(py, |state| {
            let id = find(&state.circuit, element)?;
            Ok::<_, PyErr>(state.circuit[id].law().clone())
        })?;
        let law = element::changed(element, &law, values)?;
        self.with(py, |state| {
            let id = find(&state.circuit, element)?;
            let circuit = Arc::make_mut(&mut state.circuit);
            circuit.set_law(id, law).map_err(errors::value)
        })
    }

    /// Finds the operating point.
    ///
    /// Parameters
    /// ----------
    /// tolerance : float, default 1e-9
    ///     What every measure of the certificate must be below, between 0 and 1.
    /// method : {'auto', 'coordinate', 'direct'}, default 'auto'
    ///     'coordinate' is exact coordinate descent, which hands over to 'direct' where it is slow: Newton steps, each
    ///     a sparse factorization. 'auto' takes what is likely to be fast.
    ///
    /// Returns
    /// -------
    /// Solution
    ///     Potentials, currents and the certificate. A solve that gave up before the certificate passed says so in
    ///     ``status``. After another solve of the circuit, the last digits may differ: it starts from that answer.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the circuit has no operating point: a loop of sources or diodes that contradict one another, or a current
    ///     that has nowhere to go.
    /// KeyboardInterrupt
    ///     On Ctrl-C.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> circuit = ohmgrad.CircuitBuilder().voltage_source("v1", "a", "0", 3).resistor("r1", "a", "0", 50).build()
    /// >>> solution = circuit.solve()
    /// >>> solution.status, solution.certificate.worst < 1e-12
    /// ('solved', True)
    /// >>> solution.elements["r1"]
    /// Branch(voltage=3.0, current=0.06, power=0.18)
    #[pyo3(signature = (*, tolerance=1e-9, method="auto"))]
    fn solve<'py>(
        slf: &Bound<'py, Self>,
        tolerance: f64,
        method: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = options(tolerance, method)?;
        let solved = slf.get().solve_from_last(slf.py(), options)?;
        let (solution, voltages) = solved.map_err(errors::value)?;
        solution::tell(slf, solution, voltages)
    }

    /// Solves the circuit for many values of its sources, on all processors.
    ///
    /// The values in the circuit stay as they are, and the answers depend neither on them nor on the number of
    /// processors. Other Python threads run meanwhile; Ctrl-C ends the computation.
    ///
    /// Parameters
    /// ----------
    /// sources : sequence of str
    ///     Names of voltage or current sources.
    /// values : array of shape (n, len(sources))
    ///     A row of values, in volt or ampere, for each solve. The other sources keep theirs.
    /// nodes : sequence of str, optional
    ///     The nodes whose potentials are wanted. Default: all.
    /// elements : sequence of str, optional
    ///     The elements whose voltages and currents are wanted. Default: all. The memory needed is that of the result.
    /// tolerance, method : optional
    ///     As for ``solve``.
    ///
    /// Returns
    /// -------
    /// SolvedRows
    ///     Arrays with a row for each row of values. A row that has no operating point is NaN, and its reason is in
    ///     ``errors``.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If a name is wrong or no source, ``values`` has another shape or a value that is not finite, or no row has
    ///     an operating point.
    /// TypeError
    ///     If ``values`` are no numbers.
    /// MemoryError
    ///     If the result needs more memory than there is.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> adder = (
    /// ...     ohmgrad.CircuitBuilder()
    /// ...     .voltage_source("x", "a", "0", 0).voltage_source("y", "b", "0", 0)
    /// ...     .resistor("r1", "a", "mean", 1e3).resistor("r2", "b", "mean", 1e3)
    /// ...     .build()
    /// ... )
    /// >>> rows = adder.solve_rows(["x", "y"], [[1, 2], [3, 5], [0, 0]])
    /// >>> rows.potential("mean").round(12)
    /// array([1.5, 4. , 0. ])
    #[pyo3(signature = (sources, values, *, nodes=None, elements=None, tolerance=1e-9, method="auto"))]
    fn solve_rows<'py>(
        slf: &Bound<'py, Self>,
        sources: Vec<String>,
        values: &Bound<'py, PyAny>,
        nodes: Option<Vec<String>>,
        elements: Option<Vec<String>>,
        tolerance: f64,
        method: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = options(tolerance, method)?;
        let values = solved_rows::table(&sources, values)?;
        solved_rows::solve(slf, sources, &values, nodes, elements, options)
    }

    /// Solves the circuit along values of one source: ``solve_rows`` with one column.
    ///
    /// Parameters
    /// ----------
    /// source : str
    ///     Name of a voltage or current source.
    /// values : array of shape (n,)
    ///     Its values, in volt or ampere, such as ``numpy.linspace(0, 5, 101)``.
    /// nodes, elements, tolerance, method : optional
    ///     As for ``solve_rows``.
    ///
    /// Returns
    /// -------
    /// SolvedRows
    ///     Arrays with a row for each value.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError, MemoryError
    ///     As ``solve_rows``.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> clipper = (
    /// ...     ohmgrad.CircuitBuilder().voltage_source("v1", "in", "0", 0)
    /// ...     .resistor("r1", "in", "out", 1e3).diode("d1", "out", "0", 0.7).build()
    /// ... )
    /// >>> rows = clipper.sweep("v1", [-1, 0.5, 1.7])
    /// >>> rows.potential("out").round(12)
    /// array([-1. ,  0.5,  0.7])
    /// >>> rows.current("d1").round(12)
    /// array([0.   , 0.   , 0.001])
    #[pyo3(signature = (source, values, *, nodes=None, elements=None, tolerance=1e-9, method="auto"))]
    fn sweep<'py>(
        slf: &Bound<'py, Self>,
        source: String,
        values: &Bound<'py, PyAny>,
        nodes: Option<Vec<String>>,
        elements: Option<Vec<String>>,
        tolerance: f64,
        method: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = options(tolerance, method)?;
        let values = solved_rows::column(values)?;
        solved_rows::solve(slf, vec![source], &values, nodes, elements, options)
    }

    /// The circuit as a graph of networkx (``pip install ohmgrad[circuits]``).
    ///
    /// Returns
    /// -------
    /// networkx.MultiDiGraph
    ///     An edge for each element, from its first node to its second; its key is the element's name, its attributes
    ///     are ``kind`` and the element's values.
    ///
    /// Raises
    /// ------
    /// ImportError
    ///     If networkx is not installed.
    fn to_networkx<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let graph = slf.py().import("ohmgrad.graph")?;
        graph.call_method1("of_circuit", (slf,))
    }

    /// A drawing of a small circuit.
    ///
    /// Returns
    /// -------
    /// str
    ///     An SVG image. ``Solution.to_svg`` draws potentials and currents, too.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the circuit has more than 40 elements.
    fn to_svg<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py()
            .import("ohmgrad.drawing")?
            .call_method1("svg", (slf,))
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py()
            .import("ohmgrad.drawing")?
            .call_method1("circuit_html", (slf,))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let [nodes, elements] = [&self.nodes, &self.elements].map(|names| names.bind(py).len());
        let title = match self.title.as_str() {
            "" => String::new(),
            title => format!(" {title:?}"),
        };
        format!("<ohmgrad.Circuit{title} of {elements} elements, {nodes} nodes>")
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.elements.bind(py).len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.elements.bind(py).try_iter()
    }

    fn __contains__(&self, py: Python<'_>, element: &str) -> bool {
        self.with(py, |state| state.circuit.element(element).is_some())
    }

    /// The element of that name.
    fn __getitem__<'py>(&self, py: Python<'py>, element: &str) -> PyResult<Bound<'py, PyAny>> {
        let circuit = self.with(py, |state| state.circuit.clone());
        let id = find(&circuit, element);
        let id = id.map_err(|wrong| PyKeyError::new_err(wrong.value(py).to_string()))?;
        element::describe(py, &circuit, id)
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        let copy = other.get().with(py, |state| state.circuit.clone());
        let equal = self.title == other.get().title && self.with(py, |state| state.circuit == copy);
        Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __copy__(&self, py: Python<'_>) -> PyResult<Self> {
        let circuit = self.with(py, |state| Circuit::clone(&state.circuit));
        Self::new(py, circuit, self.title.clone())
    }

    fn __deepcopy__(&self, py: Python<'_>, _memo: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.__copy__(py)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (String, &str))> {
        let restore = py.get_type::<Self>().getattr("_restore")?;
        Ok((restore, (self.to_netlist(py), &self.title)))
    }

    #[staticmethod]
    fn _restore(py: Python<'_>, netlist: &str, title: String) -> PyResult<Self> {
        let read = py.detach(|| netlist::parse(netlist, "<pickle>"));
        let circuit = read.map_err(|wrong| errors::netlist(py, &wrong))?.circuit;
        Self::new(py, circuit, title)
    }
}

impl PyCircuit {
    pub(crate) fn new(py: Python<'_>, circuit: Circuit, title: String) -> PyResult<Self> {
        Ok(Self {
            title,
            nodes: PyTuple::new(py, circuit.node_names())?.unbind(),
            elements: PyTuple::new(py, circuit.element_names())?.unbind(),
            state: Mutex::new(State {
                circuit: Arc::new(circuit),
                solver: None,
            }),
        })
    }

    /// Works on the circuit without the interpreter: another thread may hold the circuit and wait for the interpreter.
    pub(crate) fn with<R: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut State) -> R + Send,
    ) -> R {
        py.detach(|| work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The operating point and the voltages of the elements, from the last answer if the options are those of the last
    /// solve. Meanwhile others, signal handlers among them, can use the circuit.
    fn solve_from_last(
        &self,
        py: Python<'_>,
        options: SolveOptions,
    ) -> PyResult<Result<(Solution, Vec<f64>), PresolveError>> {
        let (circuit, last) = self.with(py, |state| (state.circuit.clone(), state.solver.take()));
        let (solver, solved) = signals::detached(py, || {
            let solver = match last.filter(|last| last.options() == options) {
                Some(last) => Ok(last),
                None => Solver::new(&circuit, options),
            };
            let mut solver = match solver {
                Ok(solver) => solver,
                Err(error) => return (None, Err(error)),
            };
            let solved = solver.solve(&circuit);
            let solved = solved.map(|solution| {
                let voltages = solution::voltages(&circuit, &solution);
                (solution, voltages)
            });
            (Some(solver), solved)
        })?;
        if let Some(solver) = solver {
            self.with(py, |state| state.solver = Some(solver));
        }
        Ok(solved)
    }
}

/// The element of a name.
pub(crate) fn find(circuit: &Circuit, name: &str) -> PyResult<ElementId> {
    let found = circuit.element(name);
    found.ok_or_else(|| unknown("element", name, circuit.element_names()))
}

/// The node of a name.
pub(crate) fn find_node(circuit: &Circuit, name: &str) -> PyResult<NodeId> {
    let found = circuit.node(name);
    found.ok_or_else(|| unknown("node", name, circuit.node_names()))
}

fn unknown(what: &str, name: &str, known: &[String]) -> PyErr {
    let lower = name.to_lowercase();
    let hint = match known.contains(&lower) {
        true => format!("did you mean {lower}?"),
        false => {
            let listed = known.len().min(LISTED);
            let more = if listed < known.len() { ", ..." } else { "" };
            format!("the {what}s are {}{more}", known[..listed].join(", "))
        }
    };
    PyValueError::new_err(format!("there is no {what} {name}: {hint}"))
}

fn options(tolerance: f64, method: &str) -> PyResult<SolveOptions> {
    if !(tolerance > 0.0 && tolerance < 1.0) {
        return Err(PyValueError::new_err(format!(
            "tolerance is {tolerance}: it must be between 0 and 1"
        )));
    }
    let method = match method {
        "auto" => Method::Auto,
        "coordinate" => Method::Coordinate,
        "direct" => Method::Direct,
        _ => {
            return Err(PyValueError::new_err(format!(
                "method is {method:?}: it must be 'auto', 'coordinate' or 'direct'"
            )));
        }
    };
    Ok(SolveOptions::default()
        .with_tolerance(tolerance)
        .with_method(method))
}
