import { PodTerminal } from '@/components/pods/pod-terminal'

export default function Page() {
  return <PodTerminal />
}
