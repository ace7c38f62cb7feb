# Installs the connector as a Windows service from the bundle beside this file, or upgrades the one that is there.
# Needs: an administrator, Python 3.11 (64-bit) for all users. Asks nothing of a network.
#
#   powershell -ExecutionPolicy Bypass -File install.ps1 [-Root DIR] [-Data DIR]
#
# Programs go to Root, which the service only reads; configuration, keys, journal and logs to Data, which no upgrade and no
# second installation touches.
[CmdletBinding()]
param(
    [string]$Root = "$env:ProgramFiles\Mostek",
    [string]$Data = "$env:ProgramData\Mostek",
    # DOMAIN\user of the service, where the ERP's program needs one; its password is asked for.
    [string]$Account = ""
)
$ErrorActionPreference = "Stop"
Set-StrictMode -Version 3.0
$Service = "MostekConnector"
$Launcher = "$Root\launcher\Scripts\mostek-connector-launcher.exe"

function Stop-WithReason([string]$Reason) {
    Write-Host "NOT INSTALLED: $Reason" -ForegroundColor Red
    exit 1
}

function Invoke-Program([string]$Program, [string[]]$Arguments) {
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { Stop-WithReason "$Program ended with $LASTEXITCODE; what it said is above." }
}

$Principal = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())
if (-not $Principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    Stop-WithReason "run this as an administrator."
}
$Bundles = @(Get-ChildItem -Path $PSScriptRoot -Filter "mostek-connector-*-win_amd64.zip")
if ($Bundles.Count -ne 1) {
    Stop-WithReason "there must be one bundle, mostek-connector-VERSION-win_amd64.zip, beside this file."
}
$Bundle = $Bundles[0].FullName

# What is there is upgraded: the new version beside the old one, which comes back by itself if the new one does not serve.
if (Test-Path "$Root\installation.json") {
    Invoke-Program $Launcher @("connector", "--root", $Root, "upgrade", $Bundle)
    exit 0
}

$Wanted = "3.11"
if (-not (Get-Command py -ErrorAction SilentlyContinue)) {
    Stop-WithReason "Python's launcher (py) is not installed: install Python $Wanted (64-bit) for all users."
}
$Python = & py "-$Wanted" -c "import sys; print(sys.executable)"
if ($LASTEXITCODE -ne 0) {
    Stop-WithReason "Python $Wanted (64-bit) is not installed for all users; get it from your software distribution."
}
if ($Python -like "$env:SystemDrive\Users\*") {
    Stop-WithReason "Python at $Python belongs to one user, whom the service is not: install it for all users."
}

# The launcher, in an environment of its own that no upgrade touches.
$Unpacked = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
Expand-Archive -Path $Bundle -DestinationPath $Unpacked
Invoke-Program $Python @("-I", "-m", "venv", "--without-pip", "$Root\launcher")
$Pip = @(Get-ChildItem "$Unpacked\wheels\pip-*.whl")[0].FullName
$Wheels = @(Get-ChildItem "$Unpacked\wheels\mostek-*.whl", "$Unpacked\wheels\pywin32-*.whl" |
    Where-Object { $_.Name -match "^(mostek|pywin32)-[0-9]" } | ForEach-Object { $_.FullName })
Invoke-Program "$Root\launcher\Scripts\python.exe" (@("-I", "$Pip\pip", "install", "--quiet", "--no-index", "--no-deps") + $Wheels)
Remove-Item -Recurse -Force $Unpacked

New-Item -ItemType Directory -Force -Path $Data, "$Data\launcher", "$Data\logs" | Out-Null
Invoke-Program $Launcher @("install", "--root", $Root, "--config", "$Data\connector.toml", "--control", "$Data\launcher", $Bundle)

$Command = @("service", "install", "--root", $Root, "--log", "$Data\logs\connector.log")
$Who = "NT SERVICE\$Service"
if ($Account) {
    $Who = $Account
    $Password = (Get-Credential -UserName $Account -Message "Of the service").GetNetworkCredential().Password
    $Password | & $Launcher @($Command + @("--account", $Account))
    if ($LASTEXITCODE -ne 0) { Stop-WithReason "Windows did not take the service." }
} else {
    Invoke-Program $Launcher $Command
}
# Keys and passwords are for the service, the system and administrators.
Invoke-Program "icacls.exe" @($Data, "/inheritance:r", "/grant:r", "*S-1-5-18:(OI)(CI)F", "*S-1-5-32-544:(OI)(CI)F", "${Who}:(OI)(CI)M", "/Q")

Write-Host "Installed. What is left to do, in this window:"
Write-Host "  `$connector = '$Launcher'"
Write-Host "  & `$connector connector enroll TOKEN"
Write-Host "  notepad '$Data\connector.toml'      # the companies of the ERP"
Write-Host "  & `$connector connector doctor"
Write-Host "  Start-Service $Service"
