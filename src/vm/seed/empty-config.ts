/** A cloud-config that says nothing: the user-data of an instance whose user gave none, as Multipass writes it. */
export const EMPTY_CONFIG = '#cloud-config\n{}\n';
