import { describe, expect, it } from 'vitest'
import { checkDraft, readDraft, startingText, writeDraft } from './draft'
import { freeName, newVolume, objectPath } from './draft-volumes'

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
    expect(readDraft(next).draft?.containers[0]?.env).toEqual([{ name: '', from: 'value', value: '' }])
  })
  it.each([['', 'empty'], [`${text}---\n${text}`, '2 documents'], ['a: [', 'syntax'], ['kind: Network', 'not a Pod']])('says why the form cannot show %j', (bad, reason) => expect(readDraft(bad).reason).toContain(reason))
})

describe('what the form shows of a container', () => {
  const path = (...rest: (string | number)[]) => ['spec', 'containers', 0, ...rest]
  const container = (draftText: string) => readDraft(draftText).draft?.containers[0]
  const rich = [
    [path('env', 0), { name: 'PLAIN', value: 'x' }],
    [path('env', 1), { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password', optional: true } } }],
    [path('env', 2), { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    [path('envFrom', 0), { configMapRef: { name: 'settings' }, prefix: 'APP_' }],
    [path('readinessProbe'), { httpGet: { path: '/ready', port: 8080 }, timeoutSeconds: 2 }],
    [path('livenessProbe'), { grpc: { port: 9 } }],
    [['spec', 'imagePullSecrets', 0], { name: 'registry' }],
  ].reduce((draft, [at, value]) => writeDraft(draft, at as (string | number)[], value), text)

  it('is variables and sources by kind, probes, pull secrets', () => {
    expect(checkDraft(rich).problems).toEqual([])
    expect(container(rich)).toMatchObject({
      env: [{ name: 'PLAIN', from: 'value', value: 'x' }, { name: 'PASSWORD', from: 'secretKeyRef', object: 'db', key: 'password' }, { name: 'NODE', from: 'other' }],
      envFrom: [{ from: 'configMapRef', object: 'settings', prefix: 'APP_' }],
      probes: { readinessProbe: { kind: 'httpGet', path: '/ready', port: '8080' }, livenessProbe: { kind: 'other' }, startupProbe: { kind: 'none' } },
    })
    expect(readDraft(rich).draft?.pullSecrets).toEqual(['registry'])
  })
  it('keeps what it does not show when one beside it is changed or removed', () => {
    const next = writeDraft(writeDraft(rich, path('env', 0), undefined), path('readinessProbe', 'httpGet', 'port'), 9090)
    expect(next).toContain('optional: true')
    expect(next).toContain('fieldPath: spec.nodeName')
    expect(next).toContain('timeoutSeconds: 2')
    expect(container(next)?.env).toHaveLength(2)
  })
  it('leaves no empty list behind', () => {
    expect(writeDraft(rich, ['spec', 'imagePullSecrets', 0], undefined)).not.toContain('imagePullSecrets')
    expect(writeDraft(rich, path('envFrom', 0), undefined)).not.toContain('envFrom')
    expect(writeDraft(writeDraft(text, ['metadata', 'labels', 'a'], 'b'), ['metadata', 'labels', 'a'], undefined)).toBe(text)
  })
})

describe('what the form shows of volumes', () => {
  const path = ['spec', 'volumes'] as const
  const own = [
    [[...path, 0], newVolume('volume-1', 'cinder')],
    [[...path, 0, ...objectPath('cinder')], 'data'],
    [[...path, 1], newVolume('logs', 'persistentVolumeClaim')],
    [[...path, 2], { name: 'scratch', emptyDir: {} }],
    [['spec', 'containers', 0, 'volumeMounts', 0], { name: 'volume-1', mountPath: '/data', subPath: 'web' }],
  ].reduce((draft, [at, value]) => writeDraft(draft, at as (string | number)[], value), text)

  it('is those that outlive the pod by their objects, and where containers have them', () => {
    const { draft } = readDraft(own)
    expect(draft?.volumes).toEqual([{ name: 'volume-1', from: 'cinder', object: 'data' }, { name: 'logs', from: 'persistentVolumeClaim', object: '' }, { name: 'scratch', from: 'other', object: '' }])
    expect(draft?.containers[0]?.mounts).toEqual([{ name: 'volume-1', mountPath: '/data' }])
    expect(writeDraft(own, ['spec', 'containers', 0, 'volumeMounts', 0, 'mountPath'], '/srv')).toContain('subPath: web')
  })
  it('is told apart by names of their own in the pod', () => expect([freeName([]), freeName([{ name: 'volume-2' }]), freeName([{ name: 'a' }, { name: 'volume-3' }])]).toEqual(['volume-1', 'volume-3', 'volume-4']))
  it('names what is wrong with one at it', () => expect(checkDraft(own).problems.map((problem) => problem.path)).toContain('spec.volumes[1].persistentVolumeClaim.claimName'))
})
