import { expect, test } from 'vitest'
import { layerNode, layersGraph, limitsGroup, limitsOf, overlayGraph, rbdGraph, replayGraph, secretOf, serialOf, throttleNode, volumeDevices, type GivenLayer } from './open-image'

const serial = serialOf('3f2b8c1e-9a4d-4c57-8e21-6b0d5f7a9c13')
const layers: GivenLayer[] = [
  { layer: { id: 'c0ffee00-0000-4000-8000-000000000003', path: '/volumes/3.qcow2', readOnly: false }, set: 5 },
  { layer: { id: 'c0ffee00-0000-4000-8000-000000000002', path: '/volumes/2.qcow2', readOnly: true }, set: 4 },
  { layer: { id: 'c0ffee00-0000-4000-8000-000000000001', path: '/volumes/1.qcow2', readOnly: true }, set: 3 },
]
const rates = { iops: 500, iopsBurst: 2000, bytesPerSecond: 50 * 2 ** 20, bytesPerSecondBurst: null, burstSeconds: 60 }
const rbd = { pool: 'volumes', namespace: 'ab'.repeat(16), image: 'volume-3f2b8c1e', user: 'hypernetes-ab', server: [{ host: '192.0.2.1', port: '3300' }, { host: '2001:db8::1', port: '6789' }] }
const past = { readOnly: false, direct: true }
const local = { readOnly: false, direct: false }

const graphs: Record<string, unknown[]> = {
  'file-one-layer': [limitsGroup(serial, rates), layersGraph(serial, layers.slice(2).map(({ layer, set }) => ({ layer: { ...layer, readOnly: false }, set })), past), ...volumeDevices(serial, 'pause')],
  'file-three-layers': [limitsGroup(serial, rates), layersGraph(serial, layers, past), ...volumeDevices(serial, 'pause')],
  'file-read-only': [layersGraph(serial, layers, { readOnly: true, direct: true })],
  'replay': [replayGraph(serial, { set: 6, bytes: 2 ** 30 }), ...volumeDevices(serial, 'pause', true)],
  'file-by-the-cache': [layersGraph(serial, layers.slice(0, 1), local)],
  'file-overlay': [overlayGraph(serial, layers[0]!, past)],
  'rbd': [secretOf(serial, 'QVFEQT09'), rbdGraph(serial, rbd, local, '/vm/ceph.conf'), ...volumeDevices(serial, 'fail')],
  'rbd-read-only': [rbdGraph(serial, { ...rbd, namespace: null }, { readOnly: true }, '/vm/ceph.conf')],
}

for (const [name, graph] of Object.entries(graphs)) {
  test(`what QEMU is told of ${name}`, async () => {
    await expect(`${graph.map((each) => JSON.stringify(each, null, 1)).join('\n')}\n`).toMatchFileSnapshot(`golden/${name}.txt`)
  })
}

/** Every object of a graph, however deep. */
function nodes(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return []
  return [...('driver' in value ? [value] : []), ...Object.values(value).flatMap(nodes)]
}

test('every layer says what is below it, names fit QEMU, and no path of the host is in any graph', () => {
  for (const [name, graph] of Object.entries(graphs)) {
    const all = nodes(graph)
    for (const node of all.filter(({ driver }) => driver === 'qcow2')) expect(node, name).toHaveProperty('backing')
    for (const node of all) if ('node-name' in node) expect(node['node-name'], name).toMatch(/^[a-z][A-Za-z0-9-]{0,30}$/)
    expect(JSON.stringify(graph), name).not.toMatch(/volumes\/|\.qcow2/)
  }
  expect(nodes(graphs['file-three-layers']).filter(({ driver }) => driver === 'qcow2').at(-1)?.backing).toBeNull()
})

test('a volume that is only read is opened for writing at no level', () => {
  for (const name of ['file-read-only', 'rbd-read-only']) for (const node of nodes(graphs[name])) expect(node, name).toMatchObject({ 'read-only': true })
})

test('a serial has 20 bytes and belongs to one volume', () => {
  expect([serial, serial.length]).toEqual(['v3f2b8c1e9a4d4c578e2', 20])
  expect(throttleNode(serial)).toBe(serial)
  expect(new Set(['a', 'b', 'layer-1', 'layer-2'].map((id) => layerNode(serial, id))).size).toBe(4)
})

test('limits name every field, and a burst is never below its rate nor more than QEMU counts', () => {
  const none = { iops: null, iopsBurst: null, bytesPerSecond: null, bytesPerSecondBurst: null, burstSeconds: 60 }
  expect(limitsOf(none)).toEqual({ 'iops-total': 0, 'iops-total-max': 0, 'iops-total-max-length': 1, 'bps-total': 0, 'bps-total-max': 0, 'bps-total-max-length': 1 })
  expect(limitsOf({ ...none, iopsBurst: 9 })).toEqual(limitsOf(none))
  expect(limitsOf({ ...none, iops: 100, iopsBurst: 50 })).toMatchObject({ 'iops-total': 100, 'iops-total-max': 100, 'iops-total-max-length': 60 })
  expect(limitsOf({ ...none, bytesPerSecond: 2 ** 20, bytesPerSecondBurst: 2 ** 40, burstSeconds: 3600 })).toMatchObject({ 'bps-total': 2 ** 20, 'bps-total-max': 2 ** 40, 'bps-total-max-length': 909 })
})
