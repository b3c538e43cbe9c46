#!/usr/bin/env python3
"""The answers of `benches/graph.rs` by the libraries that a user could pick instead, on the same arcs.

    benches/graph_peers.py FOLDER LIMIT

FOLDER has arcs, zone, footholds and the engine's answers as 64-bit numbers. Standard output is one JSON object: for each
library that is installed its version and, for each question that it can answer, the seconds that it took, the share of
the answer that was computed within LIMIT seconds (the rest is extrapolated in proportion) and whether it is equal to the
engine's. Building the library's own graph, from arrays of arcs, is a row of its own and in no other.
"""

import json
import pathlib
import sys
import time

import numpy as np

FOLDER, LIMIT = pathlib.Path(sys.argv[1]), float(sys.argv[2])
UNREACHED = 2**32 - 1
SAMPLE = np.random.default_rng(1)


def load(name):
    return np.fromfile(FOLDER / f"{name}.u64", dtype="<u8").astype(np.int64)


ABOUT = json.loads((FOLDER / "about.json").read_text())
NODES, PRINCIPALS = ABOUT["nodes"], ABOUT["principals"]
ARCS = load("arcs").reshape(-1, 2)
ZONE, FOOTHOLDS = load("zone"), load("footholds")
IN_ZONE = np.zeros(NODES, bool)
IN_ZONE[ZONE] = True
OUTSIDE = np.arange(NODES) < PRINCIPALS
OUTSIDE &= ~IN_ZONE
IS_PRINCIPAL = np.arange(NODES) < PRINCIPALS
WANTED = {name: load(name) for name in ["components", "hops", "exposure", "choke points", "minimum cut", "impact"]}


def canonical(labels):
    """A partition by the lowest member of each part."""
    labels = np.asarray(labels)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return first[inverse]


def timed(step):
    since = time.perf_counter()
    outcome = step()
    return time.perf_counter() - since, outcome


def whole(seconds, equal):
    return {"seconds": seconds, "share": 1.0, "equal": bool(equal)}


def components(answer):
    seconds, labels = timed(answer)
    return whole(seconds, np.array_equal(canonical(labels), canonical(WANTED["components"])))


def hops(answer):
    seconds, found = timed(answer)
    found = np.asarray(found, float)
    wanted = WANTED["hops"].astype(float)
    wanted[WANTED["hops"] == UNREACHED] = np.inf
    return whole(seconds, np.array_equal(found, wanted))


def one_by_one(items, wanted, answer):
    """Answers for items in random order until the limit; `answer` gives the number for one item."""
    order = SAMPLE.permutation(len(items))
    since, done, equal = time.perf_counter(), 0, True
    for at in order:
        equal &= int(answer(int(items[at]))) == int(wanted[at])
        done += 1
        if time.perf_counter() - since > LIMIT:
            break
    share = done / len(items)
    return {"seconds": (time.perf_counter() - since) / share, "share": share, "equal": bool(equal)}


def exposure(reaching):
    """`reaching` gives the nodes that reach a node, itself included or not."""
    def count(node):
        return OUTSIDE[reaching(node)].sum()

    return one_by_one(ZONE, WANTED["exposure"], count)


def impact(reached):
    def count(node):
        found = reached(node)
        return IS_PRINCIPAL[found].sum() - (IS_PRINCIPAL[node] and node in found)

    items = np.arange(PRINCIPALS)
    return one_by_one(items, WANTED["impact"][:PRINCIPALS], count)


def unavoidable(parents):
    """From immediate dominators (-1: the root or not reached; NODES: the root) how many outsiders need each node."""
    parents = np.asarray(parents)
    counts = np.zeros(NODES + 1, np.int64)
    reached = (parents >= 0) & (np.arange(NODES) < NODES)
    children = [[] for _ in range(NODES + 1)]
    for node in np.flatnonzero(reached):
        children[parents[node]].append(node)
    order, stack = [], [NODES]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(children[node])
    for node in reversed(order):
        own = int(node < NODES and OUTSIDE[node])
        if node < NODES:
            counts[parents[node]] += counts[node] + own
    return counts[:NODES]


def choke_points(answer):
    seconds, parents = timed(answer)
    return whole(seconds, np.array_equal(unavoidable(parents), WANTED["choke points"]))


def minimum_cut(answer):
    seconds, value = timed(answer)
    return whole(seconds, int(round(value)) == int(WANTED["minimum cut"][0]))


def with_ends():
    """Arcs and capacities with a source NODES before the footholds and a sink NODES + 1 behind the zone."""
    ends = np.concatenate(
        [
            ARCS,
            np.column_stack([np.full(len(FOOTHOLDS), NODES), FOOTHOLDS]),
            np.column_stack([ZONE, np.full(len(ZONE), NODES + 1)]),
        ]
    )
    capacity = np.full(len(ends), 1, np.int32)
    capacity[len(ARCS):] = len(ARCS)
    return ends, capacity


def of_scipy():
    import scipy
    from scipy.sparse import csr_matrix
    from scipy.sparse import csgraph

    ones = np.ones(len(ARCS), np.int8)
    built, forward = timed(lambda: csr_matrix((ones, (ARCS[:, 0], ARCS[:, 1])), shape=(NODES, NODES)))
    reverse = forward.T.tocsr()

    def reaching(graph):
        return lambda node: csgraph.breadth_first_order(graph, node, return_predecessors=False)

    def zone_hops():
        return csgraph.dijkstra(reverse, indices=ZONE, unweighted=True, min_only=True)

    def cut():
        ends, capacity = with_ends()
        network = csr_matrix((capacity, (ends[:, 0], ends[:, 1])), shape=(NODES + 2, NODES + 2))
        seconds, flow = timed(lambda: csgraph.maximum_flow(network, NODES, NODES + 1))
        return whole(seconds, flow.flow_value == WANTED["minimum cut"][0])

    return scipy.__version__, {
        "build": whole(built, forward.nnz == len(ARCS)),
        "components": components(lambda: csgraph.connected_components(forward, connection="strong")[1]),
        "hops": hops(zone_hops),
        "exposure": exposure(reaching(reverse)),
        "impact": impact(reaching(forward)),
        "minimum cut": cut(),
    }


def of_igraph():
    import igraph

    built, graph = timed(lambda: igraph.Graph(n=NODES, edges=ARCS, directed=True))
    rooted = igraph.Graph(
        n=NODES + 1, edges=np.concatenate([ARCS, np.column_stack([ZONE, np.full(len(ZONE), NODES)])]), directed=True
    )

    def dominators():
        # Of the reversed graph below a root that every protected node is next to; -2 is not reached, -1 the root.
        return [node if node >= 0 else -1 for node in rooted.dominator(NODES, mode="in")[:NODES]]

    def zone_hops():
        found = np.asarray(rooted.distances([NODES], mode="in")[0][:NODES])
        return found - 1

    def cut():
        ends, capacity = with_ends()
        network = igraph.Graph(n=NODES + 2, edges=ends, directed=True)
        weights = capacity.tolist()
        seconds, flow = timed(lambda: network.maxflow_value(NODES, NODES + 1, capacity=weights))
        return whole(seconds, int(round(flow)) == WANTED["minimum cut"][0])

    return igraph.__version__, {
        "build": whole(built, graph.ecount() == len(ARCS)),
        "components": components(lambda: graph.connected_components(mode="strong").membership),
        "hops": hops(zone_hops),
        "exposure": exposure(lambda node: graph.subcomponent(node, mode="in")),
        "impact": impact(lambda node: graph.subcomponent(node, mode="out")),
        "choke points": choke_points(dominators),
        "minimum cut": cut(),
    }


def of_rustworkx():
    import rustworkx

    def build(arcs, nodes):
        graph = rustworkx.PyDiGraph(multigraph=False)
        graph.add_nodes_from(range(nodes))
        graph.extend_from_edge_list([(int(a), int(b)) for a, b in arcs])
        return graph

    built, graph = timed(lambda: build(ARCS, NODES))
    turned = build(
        np.concatenate([ARCS[:, ::-1], np.column_stack([np.full(len(ZONE), NODES), ZONE])]), NODES + 1
    )

    def strong():
        labels = np.zeros(NODES, np.int64)
        for at, members in enumerate(rustworkx.strongly_connected_components(graph)):
            labels[members] = at
        return labels

    def dominators():
        found = rustworkx.immediate_dominators(turned, NODES)
        parents = np.full(NODES, -1, np.int64)
        for node, above in found.items():
            if node != NODES:
                parents[node] = above
        return parents

    return rustworkx.__version__, {
        "build": whole(built, graph.num_edges() == len(ARCS)),
        "components": components(strong),
        "exposure": exposure(lambda node: [*rustworkx.ancestors(graph, node)]),
        "impact": impact(lambda node: [*rustworkx.descendants(graph, node)]),
        "choke points": choke_points(dominators),
    }


def of_networkit():
    import networkit

    networkit.setNumberOfThreads(1)

    def build(arcs, nodes):
        ones = np.ones(len(arcs))
        return networkit.GraphFromCoo((ones, (arcs[:, 0], arcs[:, 1])), n=nodes, directed=True, weighted=False)

    built, graph = timed(lambda: build(ARCS, NODES))
    turned = build(ARCS[:, ::-1].copy(), NODES)
    rooted = build(
        np.concatenate([ARCS[:, ::-1], np.column_stack([np.full(len(ZONE), NODES), ZONE])]), NODES + 1
    )

    def strong():
        found = networkit.components.StronglyConnectedComponents(graph)
        found.run()
        return found.getPartition().getVector()

    def zone_hops():
        search = networkit.distance.BFS(rooted, NODES, storePaths=False)
        search.run()
        found = np.asarray(search.getDistances()[:NODES])
        return np.where(found > NODES, np.inf, found - 1)

    def reaching(graph):
        def search(node):
            found = networkit.distance.BFS(graph, node, storePaths=False)
            found.run()
            return np.flatnonzero(np.asarray(found.getDistances()) <= NODES)

        return search

    return networkit.__version__, {
        "build": whole(built, graph.numberOfEdges() == len(ARCS)),
        "components": components(strong),
        "hops": hops(zone_hops),
        "exposure": exposure(reaching(turned)),
        "impact": impact(reaching(graph)),
    }


def main():
    results = {}
    for name, library in [
        ("scipy", of_scipy),
        ("igraph", of_igraph),
        ("rustworkx", of_rustworkx),
        ("networkit", of_networkit),
    ]:
        try:
            version, answers = library()
        except ImportError as error:
            print(f"{name} is not installed: {error}", file=sys.stderr)
            continue
        results[name] = {"version": version, "answers": answers}
    json.dump(results, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
