import { randomUUID } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { testAssignment } from '@/host/pods/testing/assignment'
import { DesiredMessages } from './desired-messages'

const desired = (...assignments: unknown[]) => ({ kind: 'desired', revision: '1', assignments })
const objects = (networkId: string, set: unknown[], over: object = {}) => ({ kind: 'networkObjects', networkId, complete: false, set, remove: [], ...over })
const peer = () => ({ kind: 'peer', uid: randomUUID(), number: 1, name: 'n', subnets: [] })
const nonsense = { kind: 'policy', uid: 'nonsense' }

function open(...here: string[]) {
  const log = { error: vi.fn() }
  const messages = new DesiredMessages((uid) => here.includes(uid), log)
  const uids = (data: unknown) => messages.read(data).flatMap((one) => (one.kind === 'desired' ? [one.assignments.map(({ uid }) => uid)] : []))
  return { log, messages, uids }
}

describe('what the server says of a network that is not as agreed', () => {
  it('costs that network’s newcomers alone, until all of it has come', () => {
    const { log, messages, uids } = open()
    const [running, other, comer] = [testAssignment(), testAssignment(), testAssignment()]
    other.network = { ...other.network, id: randomUUID() }
    comer.network = running.network
    const network = running.network.id
    expect(uids(desired(running))).toEqual([[running.uid]])
    expect(messages.read(objects(network, [nonsense]))).toEqual([])
    expect(log.error).toHaveBeenCalledWith(expect.objectContaining({ network }), expect.stringContaining('not as agreed'))
    // A change that can be read is taken; what is missing is missing still.
    expect(messages.read(objects(network, [peer()]))).toHaveLength(1)
    expect(uids(desired(running, other, comer))).toEqual([[running.uid, other.uid]])
    messages.begin()
    const whole = messages.read(objects(network, [peer()], { complete: true }))
    expect(whole).toMatchObject([{ kind: 'networkObjects', complete: true }, { kind: 'desired', assignments: [{ uid: running.uid }, { uid: other.uid }, { uid: comer.uid }] }])
  })
  it('makes none of its other parts count, and ends no pod that is here', () => {
    const running = testAssignment()
    const { messages, uids } = open(running.uid)
    const network = running.network.id
    expect(messages.read(objects(network, [peer()], { complete: true, more: true }))).toEqual([])
    expect(messages.read(objects(network, [nonsense], { more: true }))).toEqual([])
    expect(messages.read(objects(network, [peer()]))).toMatchObject([{ complete: false, set: { length: 1 } }])
    expect(uids(desired(running, { ...testAssignment(), network: running.network }))).toEqual([[running.uid]])
  })
})

describe('what the server says of the outside that is not as agreed', () => {
  const pool = { kind: 'addressPool', uid: randomUUID(), name: 'default', cidr: '198.18.100.0/24', gateway: '198.18.100.1' }
  const said = (set: unknown[], over: object = {}) => ({ kind: 'externalObjects', complete: true, set, remove: [], ...over })
  it('is asked for anew once, for a removal in it would never be answered; then it stays as it was, and costs nobody the connection', () => {
    const { log, messages } = open()
    expect(() => messages.read(said([pool, { kind: 'balancer' }]))).toThrow('something else than agreed of the outside')
    messages.begin()
    expect(messages.read(said([pool, { kind: 'balancer' }]))).toEqual([])
    expect(log.error).toHaveBeenCalledOnce()
    // What comes after it on this connection is on a base that nobody has.
    expect(messages.read(said([], { complete: false }))).toEqual([])
    messages.begin()
    expect(messages.read(said([pool], { more: true }))).toHaveLength(1)
    expect(messages.read(said([]))).toHaveLength(1)
    // It was taken since: what is wrong now is news.
    expect(() => messages.read(said([{}], { complete: false }))).toThrow('something else than agreed of the outside')
  })
  it('is so of volumes too, and costs the outside nothing', () => {
    const { log, messages } = open()
    const volumes = (set: unknown[], over: object = {}) => ({ kind: 'volumeObjects', complete: true, set, remove: [], ...over })
    expect(() => messages.read(volumes([{ kind: 'volume' }]))).toThrow('something else than agreed of volumes')
    messages.begin()
    expect(messages.read(volumes([{ kind: 'volume' }]))).toEqual([])
    expect(messages.read(volumes([], { complete: false, remove: ['volume/x'] }))).toEqual([])
    expect(messages.read(said([pool]))).toHaveLength(1)
    expect(log.error).toHaveBeenCalledOnce()
    messages.begin()
    expect(messages.read(volumes([]))).toHaveLength(1)
  })
  it('in certificates costs certificates alone', () => {
    const { messages } = open()
    const certificates = { kind: 'certificates', complete: true, certificates: [{ id: 'x' }] }
    expect(() => messages.read(certificates)).toThrow('(certificates)')
    messages.begin()
    expect(messages.read(certificates)).toEqual([])
    expect(messages.read(said([pool]))).toHaveLength(1)
  })
})

describe('a desired set of which something is not as agreed', () => {
  it('is that of the others: a pod stays as it was, and one that is not here does not begin', () => {
    const { log, messages, uids } = open()
    const [kept, good] = [testAssignment(), testAssignment()]
    uids(desired(kept))
    expect(messages.read({ ...desired({ ...kept, generation: 'x' }, { ...testAssignment(), size: null }, good), prePulls: ['x'] })).toMatchObject([{ assignments: [kept, good], prePulls: [] }])
    expect(log.error).toHaveBeenCalledTimes(2)
  })
  it('is none where it may mean a pod that is here', () => {
    const { messages } = open('11111111-1111-4111-8111-111111111111')
    expect(() => messages.read(desired({ uid: '11111111-1111-4111-8111-111111111111' }))).toThrow('something else than agreed')
    expect(() => messages.read(desired({ uid: 'nonsense' }))).toThrow('something else than agreed')
  })
  it('and a message of a kind that is not known is left out', () => {
    const { log, messages } = open()
    expect(messages.read({ kind: 'later' })).toEqual([])
    expect(log.error).toHaveBeenCalledTimes(1)
  })
})
