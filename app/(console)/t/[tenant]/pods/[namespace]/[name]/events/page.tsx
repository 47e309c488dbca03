import { PodEvents } from '@/components/pods/pod-events'

export default function Page() {
  return <PodEvents />
}
