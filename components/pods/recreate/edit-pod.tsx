'use client'
import { useRouter } from 'next/navigation'
import { useMemo, useState } from 'react'
import type { PodView } from '@/domain/pod/view'
import { LeaveGuard } from '@/components/client/leave-guard'
import { paths } from '@/components/client/paths'
import { FailureCallout } from '@/components/patterns/failure'
import { ProblemList } from '@/components/patterns/yaml/problem-list'
import { YamlEditor } from '@/components/patterns/yaml/yaml-editor'
import { Button, ButtonLink } from '@/components/ui/button'
import { Panel } from '@/components/ui/panel'
import { checkDraft } from '../draft'
import { ConfirmRecreate } from './confirm-recreate'
import { draftOf } from './draft-of'
import { useRecreate } from './use-recreate'

/** The pod's manifest to be edited. A pod's spec never changes, so what comes of it is another pod in its place. */
export function EditPod({ tenant, pod }: { tenant: string; pod: PodView }) {
  const router = useRouter()
  const { namespace, name } = pod.metadata
  const [initial] = useState(() => draftOf(pod))
  const [text, setText] = useState(initial)
  const [asking, setAsking] = useState(false)
  const recreate = useRecreate(tenant, pod)
  const checked = useMemo(() => checkDraft(text), [text])
  const object = checked.documents.length === 1 && checked.documents[0]?.kind === 'Pod' ? checked.documents[0].object : null
  const renamed = object?.kind === 'Pod' && (object.metadata.name !== name || object.metadata.namespace !== namespace)
  const problems = [...checked.problems, ...(recreate.failure?.problems ?? [])]
  const refusal = checked.problems.length > 0 ? 'Mend the problems that are marked first.'
    : object?.kind !== 'Pod' ? 'The manifest must be one Pod.'
      : renamed ? 'Name and namespace must stay: copy the pod to create one of another name.'
        : text === initial ? 'Change something first.' : undefined
  const confirm = async () => {
    if (object?.kind !== 'Pod') return
    if (await recreate.run(object)) router.push(paths.pod(tenant, namespace, name))
    else setAsking(false)
  }
  return (
    <>
      {recreate.failure && <FailureCallout failure={recreate.failure} title="The pod was left as it is" />}
      <YamlEditor label={`Manifest of pod ${name}`} value={text} onChange={(next) => { setText(next); recreate.forget() }} problems={problems} className="h-[calc(100dvh-292px)] min-h-80" />
      {problems.length > 0 && <Panel title={`${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`}><ProblemList problems={problems} /></Panel>}
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-150 text-xs text-faint">The spec of a pod never changes. This deletes the pod and creates another of its name once it has gone. Press Escape, then Tab, to leave the editor.</p>
        <div className="flex gap-2">
          <ButtonLink href={paths.podYaml(tenant, namespace, name)}>Cancel</ButtonLink>
          <Button variant="primary" disabledReason={refusal} onClick={() => setAsking(true)}>Delete and create anew</Button>
        </div>
      </div>
      {asking && <ConfirmRecreate pod={pod} pending={recreate.pending} onConfirm={() => void confirm()} onClose={() => setAsking(false)} />}
      <LeaveGuard changed={text !== initial && !recreate.pending && !recreate.done} what="The manifest that you edited" />
    </>
  )
}
