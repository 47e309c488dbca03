'use client'
import { useSearchParams } from 'next/navigation'
import { useMemo, useState } from 'react'
import type { Failure } from '@/components/client/errors'
import { LeaveGuard } from '@/components/client/leave-guard'
import { paths } from '@/components/client/paths'
import { useQueryString } from '@/components/client/query-string'
import { FailureCallout } from '@/components/patterns/failure'
import { PageHeader } from '@/components/patterns/page-header'
import { ProblemList } from '@/components/patterns/yaml/problem-list'
import { YamlEditor } from '@/components/patterns/yaml/yaml-editor'
import { Button, ButtonLink } from '@/components/ui/button'
import { Callout } from '@/components/ui/callout'
import { Panel } from '@/components/ui/panel'
import { Segmented } from '@/components/ui/segmented'
import { checkDraft, readDraft, startingText } from '../draft'
import { RunSample } from '../run-sample'
import { PodForm } from './pod-form'
import { CopyOfPod, KeptDraft, readReference, type PodName } from './starting-point'
import { useSubmitDraft } from './submit-draft'
import { VmPreview } from './vm-preview'
import { YamlHelp } from './yaml-help'

/** A new pod, from what it starts with: a copy of another (`from`), a manifest that was kept (`draft`), or a first sketch. */
export function PodCreatePage({ tenant }: { tenant: string }) {
  const query = useSearchParams()
  const [from, draft] = [readReference(query.get('from')), readReference(query.get('draft'))]
  if (from) return <CopyOfPod tenant={tenant} {...from}>{(text) => <PodEditor tenant={tenant} initial={text} />}</CopyOfPod>
  if (draft) return <KeptDraft tenant={tenant} {...draft}>{(text) => <PodEditor tenant={tenant} initial={text} kept={draft} />}</KeptDraft>
  return <PodEditor tenant={tenant} initial={startingText(query.get('namespace') || 'default')} />
}

type PodEditorProps = { tenant: string; initial: string; /** The pod whose kept manifest this is: it is let go once it is created. */ kept?: PodName }

/** Form and YAML edit one text. */
function PodEditor({ tenant, initial: given, kept }: PodEditorProps) {
  const query = useQueryString()
  const [initial] = useState(given)
  const [text, setText] = useState(initial)
  const [shown, setShown] = useState(false)
  const form = useMemo(() => readDraft(text), [text])
  const checked = useMemo(() => checkDraft(text), [text])
  const submit = useSubmitDraft(tenant, kept)
  const mode = query.get('as') === 'yaml' ? 'yaml' : 'form'
  const refused: Failure['problems'] = submit.failure?.problems ?? []
  const problems = [...checked.problems, ...refused]
  const single = checked.documents.length === 1 && checked.documents[0]?.kind === 'Pod'

  const change = (next: string) => { setText(next); submit.forget() }
  const create = () => {
    setShown(true)
    if (checked.problems.length === 0) void submit.run(text, checked)
  }
  return (
    <div className="mx-auto flex w-full max-w-280 flex-1 flex-col">
      <PageHeader
        title="Create pod"
        description="One or more containers in a virtual machine of their own."
        status={<RunSample tenant={tenant} namespace={form.draft?.namespace ?? 'default'} />}
        primary={<Segmented label="Edit as" value={mode} onChange={(next) => query.replace({ as: next === 'yaml' ? 'yaml' : null })} options={[{ value: 'form', label: 'Form' }, { value: 'yaml', label: 'YAML' }]} />}
      />
      <form method="post" noValidate className="grid flex-1 grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,1fr)_288px]" onSubmit={(event) => { event.preventDefault(); create() }}>
        <div className="flex h-full min-w-0 flex-col gap-4">
          {submit.failure && <FailureCallout failure={submit.failure} title="The pod was not created" />}
          {mode === 'yaml'
            ? (
              <>
                <YamlEditor label="Manifest" value={text} onChange={change} problems={problems} className="h-[calc(100dvh-290px)] min-h-80" />
                {problems.length > 0 && <Panel title={`${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`}><ProblemList problems={problems} /></Panel>}
                <YamlHelp />
              </>
            )
            : form.draft
              ? <PodForm tenant={tenant} text={text} draft={form.draft} onChange={change} problems={shown ? problems : refused} />
              : <Callout tone="notice" title="The form cannot show this manifest" actions={<Button size="sm" onClick={() => query.replace({ as: 'yaml' })}>Edit as YAML</Button>}>{form.reason}</Callout>}
        </div>
        <aside aria-label="Size and creation" className="flex flex-col gap-4 lg:sticky lg:top-16">
          <VmPreview documents={checked.documents} />
          <div className="flex gap-2">
            <Button variant="primary" type="submit" className="flex-1" pending={submit.pending} disabledReason={mode === 'yaml' && checked.problems.length > 0 ? 'Mend the problems that are marked first.' : undefined}>
              {single || checked.documents.length === 0 ? 'Create pod' : `Apply ${checked.documents.length} objects`}
            </Button>
            <ButtonLink href={paths.pods(tenant)}>Cancel</ButtonLink>
          </div>
        </aside>
      </form>
      <LeaveGuard changed={text !== initial && !submit.pending && !submit.done} what="The manifest that you edited" />
    </div>
  )
}
