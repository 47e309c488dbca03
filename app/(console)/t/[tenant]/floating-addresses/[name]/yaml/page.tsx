import { AddressYaml } from '@/components/floating-addresses/address-yaml'

export default function Page() {
  return <AddressYaml />
}
