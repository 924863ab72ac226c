"""The wire of Aktif: CloudEvents, their fields, and who may publish what. Imports nothing else of ours."""
