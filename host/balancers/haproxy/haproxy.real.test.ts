import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defaultOptions } from '@/domain/load-balancer/model'
import { BalancerLab } from './testing/balancer-lab'
import { httpBackend, listener, tcpBackend } from './testing/models'

describe.runIf(process.getuid?.() === 0)('the process of a balancer', { timeout: 30_000 }, () => {
  let lab: BalancerLab
  beforeAll(async () => void (lab = await BalancerLab.open()))
  afterAll(() => lab.close())

  it('starts', async () => {
    const haproxy = lab.haproxy()
    const pod = await lab.pod((request, response) => void response.end(`${request.method} ${request.url}`))
    const t = performance.now()
    expect(await haproxy.bring({ balancer: lab.balancer({ listeners: [listener({ port: 80, defaultBackend: 'web' })], backends: [httpBackend('web')] }), servers: new Map([['web', [pod]]]), certificates: new Map() })).toBe(null)
    console.log('start', performance.now() - t)
    expect(await (await fetch(`http://${lab.address}/x`)).text()).toBe('GET /x')
    const t2 = performance.now()
    await haproxy.bring({ balancer: lab.balancer({ listeners: [listener({ port: 80, defaultBackend: 'web' }), listener({ port: 81, defaultBackend: 'web' })], backends: [httpBackend('web')] }), servers: new Map([['web', [pod]]]), certificates: new Map() })
    console.log('reload', performance.now() - t2)
    expect(await (await fetch(`http://${lab.address}:81/x`)).text()).toBe('GET /x')
    console.log(await haproxy.counters())
    for await (const line of haproxy.log({ tailLines: 10, follow: false }, new AbortController().signal)) console.log(line)
    await haproxy.stop()
    void [defaultOptions, tcpBackend]
  })
})
