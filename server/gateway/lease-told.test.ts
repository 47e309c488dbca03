import { expect, it } from 'vitest'
import type { Database } from '@/server/store/database'
import { LeaseTold } from './lease-told'

/** The row of a host, as what is written becomes so when the test lets it. */
function hostRow() {
  const row = { isTold: false, forgotten: 0, gate: Promise.resolve() }
  const forget = async () => {
    row.forgotten += 1
    await row.gate
    row.isTold = false
    return { count: 1 }
  }
  return { row, db: { host: { updateMany: forget } } as unknown as Database, record: async (isKnown: boolean | null) => void (row.isTold = isKnown ?? row.isTold) }
}

it('a host is believed once it took all that has a time, and no more before anything is sent without', async () => {
  const { row, db, record } = hostRow()
  const lease = new LeaseTold()
  await lease.begins(db, 'h', true)
  await lease.heartbeat(0, record)
  expect(row.isTold).toBe(false)
  for (const _ of [1, 2]) lease.wasSent()
  lease.ends(true)
  for (const said of [undefined, 1]) await lease.heartbeat(said, record)
  expect(row.isTold).toBe(false)
  await lease.heartbeat(2, record)
  expect(row.isTold).toBe(true)
  // What comes after it with a time as well changes nothing.
  lease.wasSent()
  lease.ends(true)
  await lease.heartbeat(2, record)
  await lease.begins(db, 'h', false)
  expect(row).toMatchObject({ isTold: false, forgotten: 1 })
  lease.wasSent()
  lease.ends(false)
  await lease.heartbeat(4, record)
  expect(row.isTold).toBe(false)
  // Nothing is there to be forgotten.
  await lease.begins(db, 'h', false)
  expect(row.forgotten).toBe(1)
  lease.wasSent()
  lease.ends(true)
  await lease.heartbeat(4, record)
  expect(row.isTold).toBe(false)
  await lease.heartbeat(5, record)
  expect(row.isTold).toBe(true)
})

it('a heartbeat that comes while the row forgets it is of before', async () => {
  const { row, db, record } = hostRow()
  const lease = new LeaseTold()
  lease.wasSent()
  lease.ends(true)
  let open = () => {}
  row.gate = new Promise((resolve) => (open = resolve))
  const forgets = lease.begins(db, 'h', false)
  const beats = lease.heartbeat(1, record)
  open()
  await Promise.all([forgets, beats])
  expect(row.isTold).toBe(false)
})

it('a host that says nothing of it is believed no more, whatever it or its agent of before said', async () => {
  const { row, db, record } = hostRow()
  const lease = new LeaseTold()
  await lease.begins(db, 'h', true)
  lease.wasSent()
  lease.ends(true)
  await lease.heartbeat(1, record)
  await lease.heartbeat(0, record)
  expect(row.isTold).toBe(true)
  await lease.heartbeat(undefined, record)
  expect(row.isTold).toBe(false)
  await lease.heartbeat(1, record)
  expect(row.isTold).toBe(true)
})
