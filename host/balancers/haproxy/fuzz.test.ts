import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { balancerFigures, balancerServerState } from '@/contracts/host/v1/figures'
import { balancerLogLine } from '@/domain/load-balancer/view'
import { fuzzRuns, fuzzTimeout } from '@/tools/testing/fuzz-runs'
import { threadTimeMs } from '@/tools/testing/thread-time'
import { BalancerMeter } from '../balancer-meter'
import { parseLogLine } from './access-log'
import { lessOf, partCounters, sumOf } from './counters'
import { longestAnswer, rowsOf, tableOf } from './runtime'
import { isDone, runningServers, serverChanges } from './server-changes'
import { mostServers, serverStates } from './server-figures'
import { httpBackend, listener, rule, tcpBackend } from './testing/models'
import { plainWords, wordsOf } from './words'

const model = { listeners: [listener({ port: 80, rules: [rule('api', null, null)], defaultBackend: 'web' })], backends: [httpBackend('web'), tcpBackend('db')] }
const backends = new Set(['web', 'db'])
const logLine = '[1795655683832,"192.0.2.7",443,"rule/api","b-web","fd00::5_80","GET","a.example","\\/x\\"",200,10,20,3,"--"]'
/** What a HAProxy says that is as it should be. */
const honest = {
  stat: '# pxname,svname,mode,conn_tot,req_tot,hrsp_4xx,hrsp_5xx,bin,bout,scur,econ,eresp,connect,stot,status,check_status,lastchg,weight,rtime,\nport-80,FRONTEND,http,5,9,1,2,100,200,3,,,,,,,,,\nb-web,BACKEND,http,,8,1,2,90,190,1,1,1,4,,,,,,\nb-web,10.0.0.5_80,http,,8,1,2,90,190,1,1,1,4,9,DOWN 1/2,* L4CON,7,1,5,\nb-db,fd00::5_80,tcp,,0,,,7,8,1,2,0,6,3,UP,L4OK,7,0,,\n\n# table: figures, type: string, size:2, used:2\n0x1: key=rule/api use=0 exp=0 conn_cur=1 http_req_cnt=5 http_err_cnt=1 http_fail_cnt=2 bytes_in_cnt=50 bytes_out_cnt=60 gpc0=3 gpc8=2\n0x2: key=backend/web use=0 exp=0 conn_cur=0 http_req_cnt=3 gpc0=3\n',
  state: '1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n4 b-web 1 10.0.0.5_80 10.0.0.5 2 0 1\n4 b-web 2 10.0.0.6_80 10.0.0.6 0 0 1\n5 other 1 x 10.0.0.7 2 1 1\n',
  log: logLine,
  alert: "[NOTICE]   (1) : haproxy version is 3.0\n[ALERT]    (1) : config : parsing [/balancer/haproxy.cfg:12] : 'bind :80' in section 'frontend' : unable to load certificate from file '/balancer/certificate-1.pem'.\n",
}

/** More of a processor's time than any answer takes is a fault: the agent has one thread for all of its host. */
const mostMs = 3_000
function inTime<T>(make: () => T): T {
  const began = threadTimeMs()
  const made = make()
  expect(threadTimeMs() - began).toBeLessThan(mostMs)
  return made
}

const meter = (...counted: Parameters<BalancerMeter['figures']>[1] extends ReadonlyMap<string, infer P> ? P[] : never) => {
  const [one, uid] = [new BalancerMeter(), '00000000-0000-4000-8000-000000000001']
  return counted.flatMap((parts, i) => one.figures(i * 1000, new Map([[uid, parts]])))
}

/** Each answer is read as every part of the agent reads its own; what comes of it is within what the host may tell the server. */
function expectRead(answer: string): void {
  inTime(() => {
    const parts = partCounters(answer, model)
    for (const { at: _at, ...figures } of meter(lessOf(parts), parts, sumOf(parts, parts))) balancerFigures.parse({ ...figures, ageMs: 0 })
    expect(parts.map(({ part }) => part).filter((part) => !['', 'rule/api', 'backend/web', 'backend/db'].includes(part))).toEqual([])
    const states = serverStates(answer, backends)
    expect(states.length).toBeLessThanOrEqual(mostServers)
    for (const state of states) balancerServerState.parse(state)
    const running = runningServers(answer)
    expect(serverChanges(model.backends, new Map(), running).commands.filter((one) => one.includes('\n'))).toEqual([])
    // Of a log, no more are read than were asked for.
    for (const line of rowsOf(answer).slice(-1000)) {
      const read = parseLogLine(line)
      if (read !== null) expect(balancerLogLine.parse(read)).toEqual(read)
    }
    for (const words of [wordsOf(answer), plainWords(answer)]) expect(words.length).toBeLessThanOrEqual(600)
    isDone(answer)
  })
}

const strange = fc.oneof(fc.constantFrom('', '-1', '1e300', 'NaN', '9007199254740993', '0x10', '\0', '\u202e', '[', ']', '"', ',', ' ', '\n', ';', '# ', '=', '%', '[ALERT] (1) : ', 'parsing [', "'bind "), fc.string({ unit: 'binary', maxLength: 40 }), fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String))
/** Some of its words are others, left out or doubled, and it may break off. */
const mutated = fc.tuple(fc.constantFrom(...Object.values(honest)), fc.array(fc.tuple(fc.nat(400), fc.constantFrom('replace', 'drop', 'double'), strange), { maxLength: 8 }), fc.option(fc.nat(1500))).map(([text, changes, end]) => {
  const words = text.split(/([ ,\n:="])/)
  for (const [at, what, word] of changes) {
    const place = at % words.length
    words[place] = what === 'replace' ? word : what === 'drop' ? '' : `${words[place]}${word}${words[place]}`
  }
  return words.join('').slice(0, end ?? undefined)
})

describe('whatever a HAProxy says that was broken into', { timeout: fuzzTimeout(60_000) }, () => {
  it('is a value that the host may tell of, or nothing', () => {
    fc.assert(fc.property(fc.oneof({ weight: 6, arbitrary: mutated }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) }), expectRead), { numRuns: fuzzRuns(400) })
    // The honest ones are read.
    expect(serverStates(honest.stat, backends).map(({ server, health }) => [server, health])).toEqual([['10.0.0.5:80', 'down'], ['[fd00::5]:80', 'draining']])
    expect([partCounters(honest.stat, model).length, runningServers(honest.state).length, parseLogLine(honest.log) === null]).toEqual([3, 2, false])
  })

  const stat = '# pxname,svname,mode,status,\n'
  it.each<[string, string, string?]>([
    ['lines without a word', '\n'], ['short rows', ',\n'], ['one row', ','], ['one line of beginnings', 'parsing ['], ['bindings without an end', "'bind "], ['bindings in sections', "'bind x' in section '"], ['alerts', '[ALERT] (1) : config : \n'],
    ['blanks', ' '], ['brackets', '['], ['keys without values', ' a'], ['keys', ' key=a'], ['numbers', '1'], ['rows of a table', 'b-web,10.0.0.5_80,http,DOWN,\n', stat], ['rows without columns', ',\n', stat], ['columns', 'a,', '# '], ['servers', '4 b-web 1 10.0.0.6_80 10.0.0.6 0 0 1\n', honest.state], ['figures', '0x1: key=rule/api gpc0=1\n', '# table: figures\n'], ['lines of the log', `${logLine}\n`],
  ])('costs little also where it is as long as an answer may be: %s', (_, piece, before = '') => {
    const answer = before + piece.repeat((longestAnswer - before.length) / piece.length)
    expectRead(answer)
    expect(tableOf(answer, ',').length).toBeLessThan(60_000)
  })
})
