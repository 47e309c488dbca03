import { NetworkPods } from '@/components/networks/network-pods'

export default function Page() {
  return <NetworkPods />
}
