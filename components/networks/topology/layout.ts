import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api'
import { columnOf, type TopologyGraph, type TopologyNode } from './graph'

export type Positions = ReadonlyMap<string, { x: number; y: number }>

const options = {
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.partitioning.activate': 'true',
  'elk.spacing.nodeNode': '20',
  // Unconnected services stand in their column as the others do, not below everything.
  'elk.separateConnectedComponents': 'false',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.considerModelOrder.strategy': 'PREFER_EDGES',
}

type Top = Exclude<TopologyNode, { within: unknown }>
const isTop = (node: TopologyNode): node is Top => !('within' in node)

/** A box has a port at the height of each of its units, so that what lies beside it is put in an order in which lines cross little. */
function elkNode(node: Top, units: readonly Extract<TopologyNode, { within: unknown }>[]): ElkNode {
  return {
    id: node.id,
    width: node.width,
    height: node.height,
    layoutOptions: { 'elk.partitioning.partition': String(columnOf(node)), ...(units.length > 0 && { 'elk.portConstraints': 'FIXED_POS' }) },
    ...(units.length > 0 && {
      ports: [
        { id: `${node.id} in`, x: 0, y: node.height / 2, width: 0, height: 0, layoutOptions: { 'elk.port.side': 'WEST' } },
        ...units.map((unit) => ({ id: unit.id, x: node.width, y: unit.within.y + unit.height / 2, width: 0, height: 0, layoutOptions: { 'elk.port.side': 'EAST' } })),
      ],
    }),
  }
}

/** Gives every node its place. The engine is loaded with the first drawing; it runs here, for the page's policy allows no worker. */
export async function layOut({ nodes, edges }: TopologyGraph): Promise<Positions> {
  const { default: Elk } = await import('elkjs/lib/elk.bundled.js')
  const units = nodes.filter((node) => 'within' in node)
  const inside = (box: string) => units.filter((unit) => unit.within.box === box)
  const boxOf = new Map(units.flatMap(({ id, within }) => [[id, within.box], [within.box, within.box]] as const))
  const graph: ElkNode = {
    id: 'root',
    // With its ways in, a network has five columns, which a page shows whole as well.
    layoutOptions: { ...options, 'elk.layered.spacing.nodeNodeBetweenLayers': nodes.some(({ kind }) => kind === 'address') ? '60' : '88' },
    children: nodes.filter(isTop).map((node) => elkNode(node, inside(node.id))),
    edges: edges.map(({ id, from, to }): ElkExtendedEdge => ({ id: `edge ${id}`, sources: [from], targets: [boxOf.has(to) ? `${boxOf.get(to)} in` : to] })),
  }
  const laidOut = await new Elk().layout(graph)
  const places = new Map((laidOut.children ?? []).map(({ id, x = 0, y = 0 }) => [id, { x, y }]))
  for (const { id, within } of units) {
    const box = places.get(within.box) ?? { x: 0, y: 0 }
    places.set(id, { x: box.x + within.x, y: box.y + within.y })
  }
  return places
}
