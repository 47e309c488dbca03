import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { onSupervisorGone } from './lifeline'

const gone = (input: PassThrough, env: NodeJS.ProcessEnv) => new Promise<string>((resolve) => onSupervisorGone(() => resolve('gone'), { input, env }))
const turn = () => new Promise<string>((resolve) => setImmediate(() => resolve('lives')))

describe('onSupervisorGone', () => {
  const supervised = { NODE_ENV: 'test', HYPERNETES_LIFELINE: 'stdin' } as const

  it('tells once that the other end is closed', async () => {
    const input = new PassThrough()
    let times = 0
    const told = new Promise<void>((resolve) => onSupervisorGone(() => resolve(void times++), { input, env: supervised }))
    input.end()
    await told
    input.destroy()
    await turn()
    expect(times).toBe(1)
  })

  it('waits while the other end is open', async () => {
    expect(await Promise.race([gone(new PassThrough(), supervised), turn()])).toBe('lives')
  })

  it('leaves alone a process that no supervisor started', async () => {
    const input = new PassThrough()
    input.end()
    input.resume()
    expect(await Promise.race([gone(input, { NODE_ENV: 'test' }), turn().then(turn)])).toBe('lives')
  })
})
