import { describe, expect, it } from 'vitest'
import { checkDraft, readDraft, startingText, writeDraft } from './draft'

const text = startingText('default')

describe('the pod draft', () => {
  it('starts without problems', () => expect(checkDraft(text).problems).toEqual([]))
  it('keeps comments and fields the form does not know', () => {
    const own = text.replace('spec:', 'spec: # ours\n  terminationGracePeriodSeconds: 5')
    const next = writeDraft(own, ['spec', 'containers', 0, 'image'], 'nginx:1.27')
    expect(next).toContain('# ours')
    expect(next).toContain('terminationGracePeriodSeconds: 5')
    expect(readDraft(next).draft?.containers[0]?.image).toBe('nginx:1.27')
  })
  it('removes what became empty', () => expect(writeDraft(text, ['spec', 'containers', 0, 'resources', 'limits', 'memory'], undefined)).not.toContain('resources'))
  it('adds containers and keeps half-filled rows', () => {
    const next = writeDraft(writeDraft(text, ['spec', 'containers', 1], { name: '', image: '' }), ['spec', 'containers', 0, 'env'], [{ name: '', value: '' }])
    expect(readDraft(next).draft?.containers).toHaveLength(2)
    expect(readDraft(next).draft?.containers[0]?.env).toEqual([{ name: '', value: '' }])
  })
  it.each([['', 'empty'], [`${text}---\n${text}`, '2 documents'], ['a: [', 'syntax'], ['kind: Network', 'not a Pod']])('says why the form cannot show %j', (bad, reason) => expect(readDraft(bad).reason).toContain(reason))
})
