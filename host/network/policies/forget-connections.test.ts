import { expect, it } from 'vitest'
import { ExecError } from '@/platform/exec'
import { forgetConnections } from './forget-connections'

const ended = (stderr: string) => new ExecError('conntrack', 1, null, stderr, 'exit code 1')
const none = ended('conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.\n')
const raced = ended('conntrack v1.4.7 (conntrack-tools): Operation failed: such conntrack doesn\'t exist\n')

/** A `conntrack` that gives these answers for `--orig-dst`, the last for ever, and none for the rest; and how often it was asked. */
function kernel(...answers: (ExecError | null)[]) {
  const asked: string[] = []
  const stream = (_: string, args: readonly string[]) => {
    asked.push(args.slice(1).join(' '))
    const answer = args.includes('--orig-dst') ? (answers.length > 1 ? answers.shift() : answers[0]) : none
    return answer ? Promise.reject(answer) : Promise.resolve()
  }
  return { stream, asked }
}

it('looks until none is left, also past what ended by itself meanwhile', async () => {
  const once = kernel(raced, null, null, none)
  await forgetConnections(once, ['10.0.0.5', 'fd00::5'])
  expect(once.asked.filter((args) => args.includes('orig-dst'))).toHaveLength(5)
  expect(once.asked).toContain('-f ipv6 --reply-src fd00::5')
})

it('says so where there are always more, and where it cannot look', async () => {
  await expect(forgetConnections(kernel(null), ['10.0.0.5'])).rejects.toThrow('connections of 10.0.0.5 come faster')
  await expect(forgetConnections(kernel(ended('Operation not permitted')), ['10.0.0.5'])).rejects.toThrow('not permitted')
})
