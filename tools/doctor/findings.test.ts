import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseCidr } from '@/domain/shared/cidr'
import { DEFAULT_TRANSIT_POOL } from '@/host/network/transit-pool'
import { loadConfig } from '@/platform/config'
import { ok, problem, warning, type Finding } from '@/tools/doctor/finding'
import { kernelFindings } from '@/tools/doctor/kernel'
import { acceleratorFinding, cgroupFinding, diskFinding, distributionFinding, memoryFinding } from '@/tools/doctor/machine'
import { externalFinding, portFinding, transitFinding } from '@/tools/doctor/network'
import { report } from '@/tools/doctor/report'
import { secretFindings } from '@/tools/doctor/secrets'

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'doctor-'))
})
afterEach(() => rm(data, { recursive: true, force: true }))

const configOf = (environment: Record<string, string> = {}) => loadConfig({ NODE_ENV: 'test', HYPERNETES_DATA: data, ...environment })
const route = (cidr: string) => ({ cidr: parseCidr(cidr), device: 'eth7' })

/** A cause that says something, and an action that is a sentence or ends with the command to give. */
function expectCauseAndAction(finding: Finding, state: 'warning' | 'problem'): void {
  expect(finding).toMatchObject({ state, subject: expect.stringMatching(/./), found: expect.stringMatching(/./), advice: expect.stringMatching(/^[A-Z].{10,}/s) })
}

describe('the report', () => {
  it('fails for problems only', () => {
    expect(report([ok('a', 'fine')]).exitCode).toBe(0)
    expect(report([ok('a', 'fine'), warning('b', 'slow', 'Do this.')]).exitCode).toBe(0)
    expect(report([warning('b', 'slow', 'Do this.'), problem('c', 'gone', 'Do that.')]).exitCode).toBe(1)
  })
  it('shows cause and action of each finding, and their numbers', () => {
    const { text } = report([ok('a', 'fine'), warning('b', 'slow', 'Do this.'), problem('c', 'gone', 'Do that.')])
    expect(text.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual(['✓ a fine', '! b slow', ' → Do this.', '✗ c gone', ' → Do that.', '', '1 problems, 1 warnings'])
  })
})

describe('addresses', () => {
  it('that nothing uses yet are a warning where they clash, and it says so', () => {
    const config = { externalCidr: '198.18.0.0/24' }
    expect(externalFinding(config, [route('10.0.0.0/8')]).state).toBe('ok')
    const clash = externalFinding(config, [route('10.0.0.0/8'), route('198.18.0.0/16')])
    expectCauseAndAction(clash, 'warning')
    expect(clash.found).toContain('198.18.0.0/16 on eth7')
    for (const externalCidr of ['none', '2001:db8::/64']) expect(externalFinding({ externalCidr }, [route('0.0.0.0/0')]).state).toBe('ok')
    expect(clash.advice).toMatch(/Before the first start set HYPERNETES_EXTERNAL_CIDR.*make another pool/)
  })
  it('that networks need are a problem where none is left', () => {
    expect(transitFinding('tag', []).state).toBe('ok')
    expectCauseAndAction(transitFinding('tag', [route(DEFAULT_TRANSIT_POOL)]), 'problem')
  })
})

describe('the port', () => {
  it('is a problem where another program listens', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const config = configOf({ HOST: '127.0.0.1', PORT: String((other.address() as AddressInfo).port) })
    expectCauseAndAction(await portFinding(config), 'problem')
    await new Promise((resolve) => other.close(resolve))
    expect((await portFinding(configOf({ HOST: '127.0.0.1', PORT: '0' }))).state).toBe('ok')
  })
})

describe('the machine', () => {
  it('without root is a problem that says what to run', async () => {
    const [finding, ...others] = await kernelFindings(false)
    expect(others).toEqual([])
    if (finding) expectCauseAndAction(finding, 'problem')
    expect(finding?.advice).toContain('as root')
  })
  it('has an action for all that is not well', () => {
    for (const finding of [diskFinding(join(data, 'not', 'there')), memoryFinding(), distributionFinding()]) if (finding.state !== 'ok') expectCauseAndAction(finding, finding.state)
  })
  it('without KVM is slower, which is a warning', async () => {
    expectCauseAndAction(acceleratorFinding(configOf({ HYPERNETES_ACCEL: 'tcg' })), 'warning')
    await mkdir(join(data, 'host'))
    await writeFile(join(data, 'host', 'state.json'), JSON.stringify({ accelerator: 'tcg', reason: 'the guest did not boot' }))
    expect(acceleratorFinding(configOf()).found).toBe('the guest did not boot')
    await writeFile(join(data, 'host', 'state.json'), JSON.stringify({ accelerator: 'kvm', reason: 'a guest booted' }))
    expect(acceleratorFinding(configOf()).state).toBe('ok')
  })
})

describe('limits of VMs', () => {
  it('are told as the host found them; what is missing is a warning with what to do', async () => {
    const state = (cgroups: object) => writeFile(join(data, 'host', 'state.json'), JSON.stringify({ accelerator: 'tcg', cgroups }))
    await mkdir(join(data, 'host'))
    await state({ version: 2, missing: [], reason: '' })
    expect(await cgroupFinding(configOf())).toMatchObject({ state: 'ok', found: expect.stringContaining('version 2') })
    await state({ version: 1, missing: ['pids'], reason: "version 1's trees do not let us use pids" })
    expectCauseAndAction(await cgroupFinding(configOf()), 'warning')
    await state({ version: null, missing: ['memory', 'pids', 'cpu'], reason: 'no control groups are mounted (/sys/fs/cgroup)' })
    const none = await cgroupFinding(configOf())
    expectCauseAndAction(none, 'warning')
    expect(none.found).toContain('no control groups are mounted')
    expect(none.advice).toContain('not limited in memory, pids, cpu')
    await rm(join(data, 'host', 'state.json'))
    expect((await cgroupFinding(configOf())).subject).toBe('cgroups')
  })
})

describe('secrets', () => {
  it('that others may open are a problem, with the command that closes them', async () => {
    const keyFile = join(data, 'keyring')
    await writeFile(keyFile, '')
    await Promise.all([chmod(data, 0o711), chmod(keyFile, 0o600)])
    const config = configOf({ HYPERNETES_KEY_FILE: keyFile })
    expect(secretFindings(config).map(({ state }) => state)).toEqual(['ok', 'ok'])
    await Promise.all([chmod(data, 0o777), chmod(keyFile, 0o644)])
    const findings = secretFindings(config)
    expect(findings).toHaveLength(2)
    for (const finding of findings) expectCauseAndAction(finding, 'problem')
    expect(findings.map(({ advice }) => advice)).toEqual([expect.stringContaining(`chmod 0711 ${data}`), expect.stringContaining(`chmod 0600 ${keyFile}`)])
  })
})
