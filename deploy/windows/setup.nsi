; A setup program around a bundle: makensis -DVERSION=… -DBUNDLE=… -DOUT=… setup.nsi (`make setup`).
; It unpacks the bundle and runs install.ps1, which installs or upgrades.
Unicode true
!include LogicLib.nsh
!include x64.nsh
Name "Mostek connector ${VERSION}"
OutFile "${OUT}"
RequestExecutionLevel admin
InstallDir "$PROGRAMFILES64\Mostek"
ShowInstDetails show
ShowUninstDetails show
SetCompress off

!define POWERSHELL '"$WINDIR\Sysnative\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -ExecutionPolicy Bypass -File'
!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\MostekConnector"

Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

Section
  ${IfNot} ${RunningX64}
    MessageBox MB_ICONSTOP "The connector needs a 64-bit Windows."
    Abort
  ${EndIf}
  InitPluginsDir
  SetOutPath "$PLUGINSDIR"
  File "${BUNDLE}"
  File "install.ps1"
  nsExec::ExecToLog '${POWERSHELL} "$PLUGINSDIR\install.ps1" -Root "$INSTDIR"'
  Pop $0
  ${If} $0 != 0
    DetailPrint "The installation ended with $0; what is above says why. Nothing that ran before was stopped for good."
    Abort
  ${EndIf}
  SetOutPath "$INSTDIR\setup"
  File "uninstall.ps1"
  WriteUninstaller "$INSTDIR\setup\uninstall.exe"
  SetRegView 64
  WriteRegStr HKLM "${KEY}" "DisplayName" "Mostek connector"
  WriteRegStr HKLM "${KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${KEY}" "UninstallString" '"$INSTDIR\setup\uninstall.exe"'
  WriteRegStr HKLM "${KEY}" "Publisher" "Mostek"
SectionEnd

Section "Uninstall"
  InitPluginsDir
  CopyFiles /SILENT "$INSTDIR\uninstall.ps1" "$PLUGINSDIR"
  SetOutPath "$PLUGINSDIR"
  nsExec::ExecToLog '${POWERSHELL} "$PLUGINSDIR\uninstall.ps1" -Root "$INSTDIR\.."'
  Pop $0
  ${If} $0 != 0
    Abort
  ${EndIf}
  SetRegView 64
  DeleteRegKey HKLM "${KEY}"
  SetShellVarContext all
  ; Silent uninstalls keep them.
  MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 \
    "Remove the configuration, the key and the journal of what left this site, too? They can't be brought back." \
    /SD IDNO IDNO keep
  RMDir /r "$APPDATA\Mostek"
  keep:
SectionEnd
