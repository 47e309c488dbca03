import { PodLogs } from '@/components/pods/pod-logs'

export default function Page() {
  return <PodLogs />
}
