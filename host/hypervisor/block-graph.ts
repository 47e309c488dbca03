import { z } from 'zod'
import type { QmpClient } from './qmp'

const graph = z.looseObject({
  nodes: z.array(z.looseObject({ id: z.number().int(), type: z.string(), name: z.string() })),
  edges: z.array(z.looseObject({ parent: z.number().int(), child: z.number().int(), name: z.string() })),
})

/** What lies over what in a QEMU, by the names of its nodes. */
export type BlockGraph = { filtered: (node: string) => string | undefined; backing: (node: string) => string | undefined }

/**
 * QEMU's block nodes. The name of the command says that its answer is for people; none other tells what lies below what without telling everything of everything, which grows with the square of a chain's
 * length. It has been the same since QEMU 4.
 */
export async function blockGraph(qmp: QmpClient): Promise<BlockGraph> {
  const { nodes, edges } = await qmp.execute('x-debug-query-block-graph', {}, graph)
  const drivers = nodes.filter(({ type }) => type === 'block-driver')
  const [names, ids] = [new Map(drivers.map(({ id, name }) => [id, name])), new Map(drivers.map(({ id, name }) => [name, id]))]
  const below = new Map(edges.map(({ parent, child, name }) => [`${parent} ${name}`, child]))
  const childOf = (name: string) => (node: string) => names.get(below.get(`${ids.get(node) ?? -1} ${name}`) ?? -1)
  return { filtered: childOf('file'), backing: childOf('backing') }
}

/** A volume's layers as QEMU has them, the newest first, by their nodes. `top`: the node above them. */
export function chainBelow({ filtered, backing }: BlockGraph, top: string, longest: number): string[] {
  const chain: string[] = []
  for (let node = filtered(top); node !== undefined && chain.length < longest; node = backing(node)) chain.push(node)
  return chain
}
