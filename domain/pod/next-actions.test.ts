import { describe, expect, it } from 'vitest'
import { knownReasons, nextAction } from './next-actions'

describe('nextAction', () => {
  it.each(['CreateContainerConfigError', 'ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'Unschedulable', 'ProbeFailures', 'Unhealthy', 'Evicted', 'DeadlineExceeded', 'OOMKilled', 'CrashLoopBackOff'])('%s has one', (reason) => {
    expect(nextAction(reason)?.places.length).toBeGreaterThan(0)
  })
  it.each(knownReasons())('%s: a sentence that says what to do', (reason) => expect(nextAction(reason)?.text).toMatch(/^[A-Z].{20,}\.$/))
  it.each(['', 'Scheduled', 'Completed', 'toString', '__proto__'])('%j has none', (reason) => expect(nextAction(reason)).toBeNull())
})
