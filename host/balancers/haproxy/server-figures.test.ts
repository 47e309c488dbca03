import { expect, it } from 'vitest'
import { balancerServerState } from '@/contracts/host/v1/figures'
import { mostServers, serverStates } from './server-figures'

/** Columns as HAProxy 2.6 has them, those alone that are read; others stand between. */
const columns = ['pxname', 'svname', 'qcur', 'scur', 'stot', 'bin', 'bout', 'econ', 'eresp', 'status', 'weight', 'lastchg', 'check_status', 'hrsp_5xx', 'req_tot', 'rtime', 'mode'] as const
type Row = Partial<Record<(typeof columns)[number], string | number>>
const table = (...rows: Row[]) => `# ${columns.join(',')},\n${rows.map((row) => `${columns.map((name) => row[name] ?? '').join(',')},`).join('\n')}\n\n`
const server = (row: Row): Row => ({ pxname: 'b-web', svname: '10.0.0.2_8080', status: 'UP', weight: 1, mode: 'http', lastchg: 4, check_status: 'L4OK', ...row })
const states = (...rows: Row[]) => serverStates(table(...rows), new Set(['web', 'db']))

it('a server is told as HAProxy has it, with since when and what passes through it', () => {
  const [up, down, away, tcp] = states(
    server({ scur: 3, stot: 6, bin: 492, bout: 2478, econ: 1, eresp: 2, hrsp_5xx: 4, req_tot: 9, rtime: 8 }),
    server({ svname: 'fd00::2_8080', status: 'DOWN 1/2', check_status: '* L4CON', lastchg: 61 }),
    server({ svname: '10.0.0.4_8080', status: 'MAINT' }),
    server({ pxname: 'b-db', svname: '10.0.0.5_5432', mode: 'tcp', stot: 5, req_tot: '', rtime: 0 }),
  )
  expect(up).toEqual({ backend: 'web', server: '10.0.0.2:8080', health: 'up', problem: null, forSeconds: 4, connections: 3, total: 9, failed: 3, errors5xx: 4, receivedBytes: 492, sentBytes: 2478, milliseconds: 8 })
  expect(down).toMatchObject({ server: '[fd00::2]:8080', health: 'down', problem: 'refuses connections', forSeconds: 61, milliseconds: null })
  expect([away?.health, tcp?.total, tcp?.milliseconds]).toEqual(['draining', 5, null])
  for (const state of [up, down, away, tcp]) expect(balancerServerState.parse(state)).toEqual(state)
})

it('what is no server of the balancer, or no number, is not told of', () => {
  expect(states(server({ pxname: 'port-80' }), server({ pxname: 'b-else' }), server({ svname: 'BACKEND' }), server({ svname: 'x y_1' }))).toEqual([])
  const [wrong] = states(server({ scur: 'many', lastchg: '-1', bin: '9'.repeat(300), check_status: 'x', status: 'DOWN' }))
  expect(balancerServerState.parse(wrong)).toMatchObject({ connections: 0, forSeconds: 0, problem: 'its check failed' })
  expect(states(...Array.from({ length: mostServers + 10 }, (_, i) => server({ svname: `10.0.${i >> 8}.${i & 255}_80` })))).toHaveLength(mostServers)
})
