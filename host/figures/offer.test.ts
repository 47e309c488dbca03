import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { initTRPC } from '@trpc/server'
import { applyWSSHandler } from '@trpc/server/adapters/ws'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { z } from 'zod'
import { ServerConnection } from '@/host/control/server-connection'

let wss: WebSocketServer
let connection: ServerConnection
let asked = 0

/** A server that never answers figures; others it does not know at all, as one of an older version. */
beforeEach(async () => {
  const t = initTRPC.create()
  asked = 0
  const figures = t.procedure.input(z.unknown()).mutation(() => {
    asked += 1
    return new Promise<never>(() => {})
  })
  const router = t.router({ host: t.router({ figures, heartbeat: t.procedure.input(z.unknown()).mutation(() => ({ current: true })) }) })
  wss = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  applyWSSHandler({ wss, router })
  await once(wss, 'listening')
  connection = new ServerConnection(`ws://127.0.0.1:${(wss.address() as AddressInfo).port}`)
})
afterEach(async () => {
  connection.close()
  for (const socket of wss.clients) socket.terminate()
  await new Promise((resolve) => wss.close(resolve))
})

const beat = () => connection.mutate('host.heartbeat', {}, z.object({ current: z.boolean() }))

it('what may be lost holds nothing up and ends nothing, whether it is refused or never answered', async () => {
  await expect(connection.offer('host.unknown', {})).rejects.toThrow()
  expect(await beat()).toEqual({ current: true })
  const offered = connection.offer('host.figures', {})
  expect(await beat()).toEqual({ current: true })
  expect(asked).toBe(1)
  connection.close('this host ends')
  await expect(offered).rejects.toThrow('this host ends')
})
