# Removes the connector. Configuration, keys and journal stay unless -Data says otherwise, which asks first.
[CmdletBinding()]
param(
    [string]$Root = "$env:ProgramFiles\Mostek",
    [string]$Data = "$env:ProgramData\Mostek",
    # Remove configuration, keys and journal, too.
    [switch]$All
)
$ErrorActionPreference = "Stop"
Set-StrictMode -Version 3.0
$Service = "MostekConnector"

if (Get-Service -Name $Service -ErrorAction SilentlyContinue) {
    Stop-Service -Name $Service
    & "$Root\launcher\Scripts\mostek-connector-launcher.exe" service remove --root $Root
    if ($LASTEXITCODE -ne 0) { Write-Host "NOT REMOVED: the service; see above." -ForegroundColor Red; exit 1 }
}
if (Test-Path $Root) { Remove-Item -Recurse -Force $Root }
if ($All) {
    Write-Host "The key of this connector, the configuration and the journal of what left this site are in $Data."
    if ((Read-Host "Remove them for ever? Type yes") -eq "yes") { Remove-Item -Recurse -Force $Data }
} else {
    Write-Host "Kept: $Data (configuration, key, journal)."
}
