import { TRPCClientError } from '@trpc/client'
import { describe, expect, it } from 'vitest'
import { writeToUnchanged } from './write-to-unchanged'

const refusal = (reason: string) => new TRPCClientError(reason, { result: { error: { code: -32_000, message: reason, data: { reason } } } })

/** An object as a server has it: each write by anybody gives it another version. */
function server(spec: string) {
  const object = { resourceVersion: '1', spec, status: 'Pending' }
  const next = () => { object.resourceVersion = String(Number(object.resourceVersion) + 1) }
  return {
    object,
    tell: (status: string) => { object.status = status; next() },
    write: (to: string) => async (resourceVersion: string) => {
      if (resourceVersion !== object.resourceVersion) throw refusal('conflict')
      object.spec = to
      next()
      return to
    },
    read: () => Promise.resolve({ spec: object.spec, resourceVersion: object.resourceVersion }),
  }
}

describe('a change of what was read before', () => {
  it('is made though the server wrote its own word of the object meanwhile', async () => {
    const { object, tell, write, read } = server('a')
    const before = await read()
    tell('Active')
    await expect(writeToUnchanged(before, { read, write: write('b') })).resolves.toBe('b')
    expect(object).toMatchObject({ spec: 'b', status: 'Active' })
  })
  it('is made though the server writes again while it is tried, and given up where that has no end', async () => {
    const { object, tell, write, read } = server('a')
    const before = await read()
    let words = 0
    const readAndTell = (most: number) => async () => { const now = await read(); if (words++ < most) tell(`word ${words}`); return now }
    tell('Active')
    await expect(writeToUnchanged(before, { read: readAndTell(2), write: write('b') })).resolves.toBe('b')
    const changed = await read()
    tell('Degraded')
    words = 0
    await expect(writeToUnchanged(changed, { read: readAndTell(Infinity), write: write('c') })).rejects.toThrow('conflict')
    expect(object.spec).toBe('b')
  })
  it('is refused where somebody else changed it', async () => {
    const { object, write, read } = server('a')
    const before = await read()
    await write('theirs')('1')
    await expect(writeToUnchanged(before, { read, write: write('mine') })).rejects.toThrow('conflict')
    expect(object.spec).toBe('theirs')
  })
  it('is not tried again after any other refusal', async () => {
    const { read } = server('a')
    let tries = 0
    await expect(writeToUnchanged(await read(), { read, write: () => { tries++; return Promise.reject(refusal('forbidden')) } })).rejects.toThrow('forbidden')
    expect(tries).toBe(1)
  })
})
