import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defaultOptions } from '@/domain/load-balancer/model'
import { makeCertificate } from '@/platform/crypto/testing/certificates'
import { parseLogLine } from './access-log'
import { CertificateChecks, mostBytes, problemOf } from './certificates'
import { lessOf, partCounters, sumOf } from './counters'
import { haproxyLimits } from './jail'
import { connectionsOf } from './room'
import { command, NoAnswer } from './runtime'
import { isDone, runningServers, serverChanges, stickyCommands, together } from './server-changes'
import { httpBackend, listener, rule, tcpBackend } from './testing/models'
import { wordsOf } from './words'

describe('a command for HAProxy', () => {
  let folder: string
  let server: Server | null = null
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'runtime-'))))
  afterEach(async () => {
    server?.close()
    await rm(folder, { recursive: true, force: true })
  })
  const answering = async (answer: (socket: Socket) => void) => {
    server = createServer(answer)
    await new Promise<void>((resolve) => server?.listen(join(folder, 'a.sock'), resolve))
    return join(folder, 'a.sock')
  }

  it('is answered with all that comes', async () => {
    const path = await answering((socket) => void socket.on('data', (text) => socket.end(`said ${String(text)}`)))
    expect(await command(path, 'show info')).toBe('said show info\n')
  })

  it('does not wait for an answer without an end', async () => {
    const path = await answering((socket) => {
      const more = () => socket.writable && socket.write(Buffer.alloc(1 << 20), more)
      socket.on('error', () => {})
      more()
    })
    await expect(command(path, 'show stat')).rejects.toThrow(NoAnswer)
  })

  it('goes to nothing but a socket', async () => {
    const path = await answering((socket) => socket.end('x'))
    await symlink(path, join(folder, 'link'))
    await writeFile(join(folder, 'file'), '')
    for (const name of ['link', 'file', 'none']) await expect(command(join(folder, name), 'x')).rejects.toThrow(NoAnswer)
  })
})

describe('servers of a backend', () => {
  const state = '1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n4 b-web 1 10.0.0.5_80 10.0.0.5 2 0 1\n4 b-web 2 10.0.0.6_80 10.0.0.6 0 0 1\n4 b-web 3 10.0.0.7_80 10.0.0.7 2 1 1\n5 other 1 x 10.0.0.7 2 1 1\n'
  const server = (last: number, weight = 1) => ({ address: `10.0.0.${last}`, port: 80, weight })

  it('are read, with those that HAProxy took out and those that leave', () => {
    expect(runningServers(state).map(({ name, leaving, down }) => ({ name, leaving, down }))).toEqual([{ name: '10.0.0.5_80', leaving: false, down: false }, { name: '10.0.0.6_80', leaving: false, down: true }, { name: '10.0.0.7_80', leaving: true, down: false }])
  })

  it('come, change weight, leave and return with as few words as it takes', () => {
    const backends = [{ ...httpBackend('web'), stickyCookie: 'A' }]
    const { commands, leaving } = serverChanges(backends, new Map([['web', [server(5, 3), server(7), server(8)]]]), runningServers(state))
    expect(commands).toEqual(['set server b-web/10.0.0.5_80 weight 3', 'set server b-web/10.0.0.7_80 state ready', expect.stringMatching(/^add server b-web\/10\.0\.0\.8_80 ipv4@10\.0\.0\.8:80 weight 1 check .*; enable health b-web\/10\.0\.0\.8_80; enable server b-web\/10\.0\.0\.8_80$/) as string, 'set server b-web/10.0.0.6_80 state maint'])
    expect(leaving.map(({ name }) => name)).toEqual(['10.0.0.6_80'])
    expect(stickyCommands(backends, commands, 'aa')).toEqual(['set dynamic-cookie-key backend b-web aa'])
    expect(stickyCommands(backends, commands.slice(0, 2), 'aa')).toEqual([])
    expect(serverChanges([tcpBackend('web')], new Map([['web', [server(5), server(6)]]]), runningServers(state)).commands).toEqual([])
    expect(together(Array.from({ length: 41 }, () => 'x')).map((text) => text.split('; ').length)).toEqual([20, 20, 1])
  })

  it('of an answer, tell whether it was done', () => {
    expect([isDone('\n'), isDone('New server registered.\n\n'), isDone("'cookie' option is not accepted for dynamic server\n")]).toEqual([true, true, false])
  })
})

describe('what HAProxy says', () => {
  it('is told without its paths, pids and lines', () => {
    expect(wordsOf("[NOTICE]   (1) : haproxy version is 2.6.12\n[ALERT]    (1) : config : parsing [/balancer/haproxy.cfg:12] : 'bind :80' in section 'frontend' : unable to load certificate from file '/balancer/certificate-1.pem'.\n[ALERT]    (1) : config : Error(s) found in configuration file : /balancer/haproxy.cfg\n")).toBe("bind :80: unable to load certificate from file 'certificate-1.pem'.")
    expect(wordsOf('')).toBe('it ended without a word')
    expect(wordsOf('perl: jail: setpriv: Operation not permitted\n')).toContain('setpriv')
  })

  it('of a request is a line of the log, or nothing', () => {
    const line = '[1795655683832,"192.0.2.7",443,"rule/api","b-web","fd00::5_80","GET","a.example","\\/x\\"",200,10,20,3,"--"]'
    expect(parseLogLine(line)).toEqual({ time: '2026-11-26T01:14:43.832Z', client: '192.0.2.7', listener: 443, rule: 'api', backend: 'web', server: '[fd00::5]:80', method: 'GET', host: 'a.example', path: '/x"', status: 200, bytesIn: 10, bytesOut: 20, milliseconds: 3, termination: '--' })
    expect(parseLogLine(line.replace('rule/api', 'backend/web').replace('200', '-1').replace('fd00::5_80', '<NOSRV>'))).toMatchObject({ rule: null, status: null, server: null })
    for (const bad of ['', '[', line.slice(0, -2), '10.0.0.1:5 [x] port-443/1: SSL handshake failure', line.replace('1795655683832', '1e300')]) expect(parseLogLine(bad), bad).toBe(null)
  })

  it('of figures is counters of the whole, rules and backends; a backend has the latencies of all rules that lead there', () => {
    const stat = '# pxname,svname,mode,conn_tot,req_tot,hrsp_4xx,hrsp_5xx,bin,bout,scur,econ,eresp,connect,\nport-80,FRONTEND,http,5,9,1,2,100,200,3,,,,\nb-web,BACKEND,http,,8,1,2,90,190,1,1,1,4,\nb-db,BACKEND,tcp,,0,,,7,8,1,2,0,6,\nfigures,BACKEND,http,,,,,,,,,,,\n\n'
    const table = '# table: figures, type: string, size:2, used:2\n0x1: key=rule/api use=0 exp=0 conn_cur=1 http_req_cnt=5 http_err_cnt=1 http_fail_cnt=2 bytes_in_cnt=50 bytes_out_cnt=60 gpc0=3 gpc8=2\n0x2: key=backend/web use=0 exp=0 conn_cur=0 http_req_cnt=3 gpc0=3\n'
    const parts = partCounters(stat + table, { listeners: [listener({ port: 80, rules: [rule('api', null, null)] })], backends: [httpBackend('web'), tcpBackend('db')] })
    expect(parts[0]).toEqual({ part: '', connections: 5, requests: 9, errors4xx: 1, errors5xx: 2, failed: 4, receivedBytes: 100, sentBytes: 200, activeConnections: 3, latency: [6, 0, 0, 0, 0, 0, 0, 0, 2] })
    expect(parts.map(({ part }) => part)).toEqual(['', 'rule/api', 'backend/web', 'backend/db'])
    expect(parts[2]).toMatchObject({ latency: [6, 0, 0, 0, 0, 0, 0, 0, 2], failed: 2, connections: 4 })
    expect(parts[3]).toMatchObject({ latency: null, failed: 2, connections: 6, receivedBytes: 7 })
    const sum = sumOf(parts, parts)
    expect(sum[1]).toMatchObject({ requests: 10, activeConnections: 1, latency: [6, 0, 0, 0, 0, 0, 0, 0, 4] })
    expect(partCounters('', { listeners: [], backends: [] })).toHaveLength(1)
    // What is begun with is nothing, whatever was counted before.
    expect(sumOf(lessOf(parts), parts).map(({ requests, receivedBytes, latency }) => [requests, receivedBytes, latency?.some((count) => count !== 0) ?? false])).toEqual(parts.map(() => [0, 0, false]))
    // Of a HAProxy that was broken into: parts of nobody, and what is no count.
    const lies = '# pxname,svname,mode,req_tot,bin,\nb-web,BACKEND,http,-5,1.5,\nb-web,BACKEND,http,7,7,\nb-other,BACKEND,http,1,1,\n\n# table: figures\n0x1: key=rule/other http_req_cnt=5\n0x2: key=rule/api http_req_cnt=-5\n'
    const told = partCounters(lies, { listeners: [listener({ port: 80, rules: [rule('api', null, null)] })], backends: [httpBackend('web')] })
    expect(told.map(({ part, requests, receivedBytes }) => [part, requests, receivedBytes])).toEqual([['', 0, 0], ['rule/api', 0, 0], ['backend/web', 0, 1]])
  })
})

it('a machine has room for as many connections as its agent may open files for, and as the balancer has memory for', () => {
  const limits = 'Max open files            1024                 20000                files\n'
  expect(connectionsOf(limits, 'CapEff:\t0000000000000000\n')).toBe(9_000)
  // With any number of files: no more than memory has room for when all of their buffers are full.
  const most = connectionsOf(limits, 'CapEff:\t000001ffffffffff\n')
  expect(most).toBeGreaterThanOrEqual(defaultOptions.maxConnections)
  expect(most * 2 * 16_384).toBeLessThan(haproxyLimits.memoryBytes)
})

it('what is no certificate with its key is told without a word of it', () => {
  expect(problemOf({ pem: '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n' })).toBe('it is not a certificate and a key that can be read')
})

it('certificates beyond what one balancer may have are left out by name, and cost no other', () => {
  const { certificate, key } = makeCertificate({ names: ['a.example'] })
  const comment = `# ${'x'.repeat(1 << 20)}\n`
  const all = Array.from({ length: 22 }, (_, i) => ({ id: `id-${i}`, revision: '1', pem: `${comment}${certificate}${key}` }))
  const { usable, problems } = new CertificateChecks().usable(new Set(all.map(({ id }) => id)), new Map(all.map((one) => [one.id, one])))
  expect(usable.size).toBe(Math.floor(mostBytes / (all[0]?.pem.length ?? 1)))
  expect(problems).toHaveLength(all.length - usable.size)
  expect(problems[0]).toContain(`the certificate id-${usable.size} is left out`)
})
