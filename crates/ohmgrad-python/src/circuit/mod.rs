//! `ohmgrad.Circuit`.

mod arguments;
mod state;
mod trace;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use numpy::{PyArray1, PyArray2};
use ohmgrad::circuit::netlist::{self, ReadOptions};
use ohmgrad::circuit::{Circuit, ElementId};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyTuple};

use crate::arrays::{table, vector};
use crate::{element, errors, solution, solved_rows};

use arguments::options;
pub(crate) use arguments::{find, find_node};
pub(crate) use state::{OPEN, State};

/// What restores a circuit: its netlist, its title, and which of its sources are open.
type Restored<'t> = (String, &'t str, Vec<usize>);

/// A circuit of resistors, diodes and sources: named nodes, and elements between them.
///
/// ``Circuit.from_netlist`` reads one, a ``CircuitBuilder`` or one of ``ohmgrad.circuits`` makes one. Its nodes and
/// connections stay as they are, the values of its elements can be changed with ``set``. ``circuit["r1"]`` is the
/// element of that name; a circuit iterates over the names of its elements. Names are looked up as SPICE does:
/// ``"R1"`` finds ``r1``, and ``"gnd"`` is ground.
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
    pub(crate) fn title(&self) -> &str {
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

    /// The nodes of each element, by their places in ``nodes``.
    ///
    /// Returns
    /// -------
    /// array of int64, shape (elements, 2)
    fn ends<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<i64>>> {
        let circuit = self.with(py, |state| state.circuit.clone());
        let nodes = circuit
            .elements()
            .iter()
            .flat_map(|element| element.nodes());
        let ends = nodes.map(|node| node.index() as i64).collect();
        table(py, ends, (circuit.elements().len(), 2))
    }

    /// Values of elements, as an array.
    ///
    /// Parameters
    /// ----------
    /// elements : sequence of str, optional
    ///     Names of elements. Default: all.
    /// quantity : str, optional
    ///     Which of their values, by the names of ``circuit[element].values``, or ``resistance``. Default: the conductance
    ///     of a resistor, the voltage or current of a source.
    ///
    /// Returns
    /// -------
    /// array of float64, shape (elements,)
    ///     In siemens, ohm, volt or ampere; NaN where a voltage source is open.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If there is no such element, or it has no such value.
    ///
    /// Examples
    /// --------
    /// >>> import ohmgrad
    /// >>> circuit = ohmgrad.CircuitBuilder().voltage_source("v1", "a", 0, 3).resistor("r1", "a", 0, 50).build()
    /// >>> circuit.values(), circuit.values(["r1"], "resistance")
    /// (array([3.  , 0.02]), array([50.]))
    #[pyo3(signature = (elements=None, quantity=None))]
    fn values<'py>(
        &self,
        py: Python<'py>,
        elements: Option<Vec<String>>,
        quantity: Option<&str>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let state = self.with(py, |state| state.copy());
        let circuit = &state.circuit;
        let ids: Vec<ElementId> = match elements {
            Some(names) => names
                .iter()
                .map(|name| find(circuit, name))
                .collect::<PyResult<_>>()?,
            None => circuit.element_ids().collect(),
        };
        let value = |id: &ElementId| {
            let name = &circuit.element_names()[id.index()];
            element::value(name, state.law(*id), quantity)
        };
        let values = ids.iter().map(value).collect::<PyResult<Vec<f64>>>()?;
        Ok(vector(py, values))
    }

    /// Changes values of elements, for another solve.
    ///
    /// Parameters
    /// ----------
    /// elements : str or sequence of str
    ///     Name of the element, or names of several.
    /// **values : float or array
    ///     New values by their names, as ``circuit[element].values`` shows them: ``voltage``, ``current``,
    ///     ``conductance`` (or ``resistance``, in ohm), ``forward_voltage``, and so on. Others stay. Of several
    ///     elements an array with a value for each, or a number for all. A voltage source of NaN volt is left open, until
    ///     it is given a voltage again.
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
    /// >>> circuit.set(["r1"], resistance=[25])
    /// >>> circuit.solve().elements["r1"].current
    /// 0.2
    /// >>> circuit.set("v1", voltage=float("nan"))
    /// >>> circuit.solve().elements["r1"].current
    /// 0.0
    #[pyo3(signature = (elements, /, **values))]
    fn set(
        &self,
        py: Python<'_>,
        elements: &Bound<'_, PyAny>,
        values: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let Some(values) = values else {
            return Err(PyValueError::new_err(format!(
                "no values for {elements}: give them by their names, such as voltage=1.5"
            )));
        };
        let mut changed = self.with(py, |state| state.copy());
        match elements.extract::<String>() {
            Ok(name) => changed.change(&name, values)?,
            Err(_) => {
                let names: Vec<String> = elements.extract()?;
                let columns = element::columns(&names, values)?;
                for (k, name) in names.iter().enumerate() {
                    changed.change(name, &element::row(py, &columns, k)?)?;
                }
            }
        }
        self.with(py, |state| state.replace(changed));
        Ok(())
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
    /// trace : callable, optional
    ///     Gets each ``Step`` as it is done. What it raises ends the solve.
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
    #[pyo3(signature = (*, tolerance=1e-9, method="auto", trace=None))]
    fn solve<'py>(
        slf: &Bound<'py, Self>,
        tolerance: f64,
        method: &str,
        trace: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = options(tolerance, method)?;
        let solved = slf.get().solve_from_last(slf.py(), options, trace)?;
        let (solution, voltages) = solved.map_err(errors::value)?;
        solution::tell(slf, solution, voltages)
    }

    /// Solves the circuit for many values of its elements, on all processors.
    ///
    /// Rows of sources alone are fastest. The answers depend neither on the values in the circuit, which stay, nor on the number of
    /// processors. Other Python threads run meanwhile; Ctrl-C ends the computation.
    ///
    /// Parameters
    /// ----------
    /// sources : sequence of str
    ///     Names of voltage or current sources; of resistors, for their resistance; or a name, a dot and the quantity, such
    ///     as ``'r1.conductance'`` or ``'d1.forward_voltage'``, as ``circuit[element].values`` has them.
    /// values : array of shape (n, len(sources))
    ///     A row of values, in volt, ampere, ohm or the quantity's unit, for each solve; NaN leaves a voltage source open.
    ///     The other elements keep theirs.
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
    ///     If a name is wrong, ``values`` has another shape or a value that is out of range, or no row has an operating
    ///     point.
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
    /// >>> adder.set(["x", "y"], voltage=[0, 3])
    /// >>> adder.solve_rows(["r1", "y"], [[2e3, 3], [1e3, float("nan")]]).potential("mean").round(12)
    /// array([2., 0.])
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

    /// Solves the circuit along values of one source or element: ``solve_rows`` with one column.
    ///
    /// Parameters
    /// ----------
    /// source : str
    ///     As for ``solve_rows``.
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

    /// A circuit from a graph of networkx, such as ``to_networkx`` makes, or one of resistors.
    ///
    /// Parameters
    /// ----------
    /// graph : networkx.Graph, MultiGraph, DiGraph or MultiDiGraph
    ///     Every edge is an element. With the attribute ``kind`` it is one of that kind, with its values as
    ///     ``to_networkx`` has them; without, a resistor of its attribute ``resistance`` or ``conductance``. Its name is
    ///     its attribute ``name``, the key of a multigraph's edge if that is a str, or ``r1``, ``r2``, ... A node is named
    ///     by its str; ``0`` is ground.
    ///
    /// Returns
    /// -------
    /// Circuit
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If an edge is no element, or a value is out of range.
    ///
    /// Examples
    /// --------
    /// >>> import networkx, ohmgrad
    /// >>> graph = networkx.path_graph(3)
    /// >>> networkx.set_edge_attributes(graph, 2e3, "resistance")
    /// >>> ohmgrad.Circuit.from_networkx(graph)
    /// <ohmgrad.Circuit of 2 elements, 3 nodes>
    #[staticmethod]
    fn from_networkx<'py>(graph: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let module = graph.py().import("ohmgrad.graph")?;
        module.call_method1("to_circuit", (graph,))
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
        self.with(py, |state| state.circuit.find_element(element).is_ok())
    }

    /// The element of that name.
    fn __getitem__<'py>(&self, py: Python<'py>, element: &str) -> PyResult<Bound<'py, PyAny>> {
        let state = self.with(py, |state| state.copy());
        let id = find(&state.circuit, element);
        let id = id.map_err(|wrong| PyKeyError::new_err(wrong.value(py).to_string()))?;
        element::describe(py, &state.circuit, id, state.law(id))
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
        let (circuit, open) = self.with(py, |state| state.closed())?;
        Self::with_open(py, circuit, self.title.clone(), &open)
    }

    fn __deepcopy__(&self, py: Python<'_>, _memo: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.__copy__(py)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Restored<'_>)> {
        let restore = py.get_type::<Self>().getattr("_restore")?;
        let (circuit, open) = self.with(py, |state| state.closed())?;
        let netlist = netlist::write(&circuit, &self.title);
        let open = open.iter().map(|id| id.index()).collect();
        Ok((restore, (netlist, &self.title, open)))
    }

    #[staticmethod]
    #[pyo3(signature = (netlist, title, open=vec![]))]
    fn _restore(py: Python<'_>, netlist: &str, title: String, open: Vec<usize>) -> PyResult<Self> {
        let read = py.detach(|| netlist::parse(netlist, "<pickle>"));
        let circuit = read.map_err(|wrong| errors::netlist(py, &wrong))?.circuit;
        let all: Vec<ElementId> = circuit.element_ids().collect();
        let open: Vec<ElementId> = open.iter().filter_map(|k| all.get(*k).copied()).collect();
        Self::with_open(py, circuit, title, &open)
    }
}

impl PyCircuit {
    pub(crate) fn new(py: Python<'_>, circuit: Circuit, title: String) -> PyResult<Self> {
        Self::with_open(py, circuit, title, &[])
    }

    /// A circuit with some of its voltage sources left open.
    fn with_open(
        py: Python<'_>,
        circuit: Circuit,
        title: String,
        open: &[ElementId],
    ) -> PyResult<Self> {
        Ok(Self {
            title,
            nodes: PyTuple::new(py, circuit.node_names())?.unbind(),
            elements: PyTuple::new(py, circuit.element_names())?.unbind(),
            state: Mutex::new(State::new(circuit, open)?),
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
}
